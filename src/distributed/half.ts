/**
 * Sums over ranks in half precision (IEEE 754 binary16), which halves the data to transfer. Each rank adds up one part
 * of the values in single precision and sends the result to the others. So every value is rounded twice, whatever the
 * number of ranks, and the result is bit-identical on all ranks.
 */
import { encodeFloat16, float16Values } from '../onnx/index.js';
import type { Communicator } from './communicator.js';

/** Values are scaled to this magnitude at most before they are rounded, so that their sum does not overflow. */
const HEADROOM = 2 ** 15;

/** Replaces `values` by their sums over all ranks, rounded to half precision, the same bits on every rank. */
export async function sumInHalf(communicator: Communicator, values: Float32Array): Promise<void> {
  const { size, rank } = communicator;
  let greatest = 0;
  for (let i = 0; i < values.length; i++) greatest = Math.max(greatest, Math.abs(values[i]!));
  const bound = Float64Array.of(Number.isNaN(greatest) ? Infinity : greatest);
  await communicator.allReduce(bound, 'max');
  if (bound[0] === 0) return;
  // Scaling by a power of two is exact. Infinite values and NaN stay, and a later check finds them.
  const scale = Number.isFinite(bound[0]!) ? 2 ** Math.floor(Math.log2(HEADROOM / (bound[0]! * size))) : 1;
  const part = Math.ceil(values.length / size);
  const sent = new Uint16Array(part * size);
  const received = new Uint16Array(part * size);
  encodeFloat16(values, sent, scale);
  await communicator.allToAll(bytesOf(sent), bytesOf(received));
  const decoded = float16Values();
  const sums = new Float32Array(part);
  for (let r = 0; r < size; r++) {
    for (let i = 0; i < part; i++) sums[i]! += decoded[received[r * part + i]!]!;
  }
  const own = sent.subarray(rank * part, (rank + 1) * part);
  encodeFloat16(sums, own);
  await communicator.allGatherEqual(bytesOf(own), bytesOf(received));
  const back = 1 / scale;
  for (let i = 0; i < values.length; i++) values[i] = decoded[received[i]!]! * back;
}

const bytesOf = (array: Uint16Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
