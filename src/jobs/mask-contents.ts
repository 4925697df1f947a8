/** The content of a run's masks as one digest: a run is resumed on the masks that it began with, not only their names. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Parts } from '../data/index.js';
import { mapParallel } from '../data/parallel.js';

/** Of larger files, only the size, the beginning and the end count. */
const WHOLE_BYTES = 2 ** 20;
const CONCURRENCY = 16;

/** The digest; undefined if the masks are not files. */
export async function maskContents({ train, valid, test }: Parts): Promise<string | undefined> {
  const files: string[] = [];
  for (const part of [train, valid, test]) {
    for (let i = 0; part && i < part.length; i++) files.push(part.files(i).mask);
  }
  // A file may have the masks of many images.
  const distinct = [...new Set(files)].filter((file) => file !== '');
  const digests = new Map<string, string>();
  await mapParallel(distinct.length, CONCURRENCY, async (i) => {
    const digest = await digestOf(distinct[i]!);
    if (digest !== undefined) digests.set(distinct[i]!, digest);
  });
  if (digests.size === 0) return undefined;
  // In the order of the samples, and without paths: the data may have been moved.
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${digests.get(file) ?? ''}\n`);
  return hash.digest('hex');
}

async function digestOf(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    const { size } = await file.stat();
    const hash = createHash('sha256').update(`${size}\n`);
    if (size <= WHOLE_BYTES) return hash.update(await file.readFile()).digest('hex');
    // The end has the checksum over all pixels, in PNG and in deflated TIFF.
    const part = new Uint8Array(WHOLE_BYTES / 2);
    for (const position of [0, size - part.length]) {
      const { bytesRead } = await file.read(part, 0, part.length, position);
      hash.update(part.subarray(0, bytesRead));
    }
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}
