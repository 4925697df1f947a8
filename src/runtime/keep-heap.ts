/**
 * Memory that is freed stays in the process. onnxruntime-node copies every output of a run to a new ArrayBuffer, also
 * those with memory of their own. When these are freed, glibc gives their pages back to the system, and the next run has
 * to map them again one by one. A training step of the U-Net with 31 million weights had 14,000 to 30,100 page faults
 * without this and about 130 with it.
 */
let kept: Promise<void> | undefined;

/** Does nothing where the C library is not glibc. */
export function keepHeap(): Promise<void> {
  kept ??= setLimits();
  return kept;
}

// Parameters of mallopt(3).
const M_TRIM_THRESHOLD = -1;
const M_TOP_PAD = -2;
const M_MMAP_THRESHOLD = -3;
/** The largest int: blocks of up to 2 GiB come from the heap, and the heap is not trimmed. */
const MOST = 2 ** 31 - 1;
/** A thread's heap comes in pieces of 64 MiB. An empty piece is kept if it would fit into the padding. */
const PIECE = 2 ** 26;

async function setLimits(): Promise<void> {
  if (process.platform !== 'linux') return;
  const koffi = (await import('koffi')).default;
  try {
    const mallopt = koffi.load(null).func('mallopt', 'int', ['int', 'int']) as (
      parameter: number,
      value: number,
    ) => number;
    mallopt(M_TRIM_THRESHOLD, MOST);
    mallopt(M_TOP_PAD, 2 * PIECE);
    mallopt(M_MMAP_THRESHOLD, MOST);
  } catch {
    // Other C libraries have no mallopt. Runs are right without it, and slower.
  }
}
