/** Files of pictures and other things that can be made again: whole or not there, folders made as needed. */
import type { FileHandle } from 'node:fs/promises';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import { writeFileAtomic, writeFileInParts } from '../weights/atomic-file.js';

/** Writes `bytes` to `path`. Throws PixelwiseError `write-failed` naming the path; leaves no half file. */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  await explained(path, () => writeFileAtomic(path, bytes, { durable: false }));
}

/** The same for a file that is written part by part: `write` is handed it, empty. */
export async function writeParts(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  await explained(path, () => writeFileInParts(path, write, { durable: false }));
}

async function explained(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await work();
  } catch (error) {
    // What went wrong with the image says so itself.
    if (error instanceof PixelwiseError && error.code !== 'write') throw error;
    const cause = error instanceof PixelwiseError ? error.cause : error;
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PixelwiseError(
      'write-failed',
      `${path}: cannot be written (${why}). Check that the folder may be written to and the disk has room.`,
      { cause },
    );
  }
}
