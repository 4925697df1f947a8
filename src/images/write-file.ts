/** Files appear whole or not at all: written beside their place, then renamed into it. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PixelwiseError } from '../errors/index.js';

let serial = 0;

/** Writes `bytes` to `path`, folders made as needed. Throws `write-failed` naming the path; leaves no half file. */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const beside = `${path}.${process.pid}.${serial++}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(beside, bytes);
    await rename(beside, path);
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => undefined);
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PixelwiseError(
      'write-failed',
      `${path}: cannot be written (${why}). Check that the folder may be written to and the disk has room.`,
      { cause },
    );
  }
}
