/** Files of pictures and other things that can be made again: whole or not there, folders made as needed. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import { writeFileAtomic } from '../weights/atomic-file.js';

/** Writes `bytes` to `path`. Throws PixelwiseError `write-failed` naming the path; leaves no half file. */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, bytes, { durable: false });
  } catch (error) {
    const cause = error instanceof PixelwiseError ? error.cause : error;
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PixelwiseError(
      'write-failed',
      `${path}: cannot be written (${why}). Check that the folder may be written to and the disk has room.`,
      { cause },
    );
  }
}
