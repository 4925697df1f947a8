/**
 * Atomic writes: content goes to a temporary file beside the target, which is then renamed over it. Whoever opens
 * the path, at any moment and after any crash, finds the complete old file or the complete new one.
 */
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { threadId } from 'node:worker_threads';
import { PixelwiseError } from '../errors/index.js';

/** Bytes, text, or, for a file too large for memory, a function that writes to the empty file it is given. */
export type FileContent = Uint8Array | string | ((file: FileHandle) => Promise<void>);

export interface WriteOptions {
  /** Flush to the disk, so that the file survives a power failure; default true. A flush takes milliseconds. */
  readonly durable?: boolean;
  /** Create the file's folder if it does not exist; default false. */
  readonly createFolder?: boolean;
}

/** Temporary files of this process so far: each gets a name of its own. */
let written = 0;

/**
 * Creates or replaces the file at `path`.
 *
 * @throws PixelwiseError `write-failed` naming the path, and whatever a writing function throws. The previous file
 *   is then unchanged, and no temporary file is left.
 */
export async function writeFileAtomic(
  path: string,
  content: FileContent,
  { durable = true, createFolder = false }: WriteOptions = {},
): Promise<void> {
  const temporary = `${path}.${process.pid}-${threadId}-${written++}.partial`;
  try {
    if (createFolder) await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'w');
    try {
      if (typeof content === 'function') await content(file);
      else await file.writeFile(content);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // Its own failure must not hide the cause.
    if (!isSystemError(cause)) throw cause;
    throw new PixelwiseError(
      'write-failed',
      `${path} could not be written (${cause.message}). Check that you may write to the folder and that the disk has ` +
        'room. If the file existed before, it is unchanged.',
      { cause },
    );
  }
  if (durable) await syncFolder(dirname(path));
}

/**
 * Writes a file that can be produced again (a mask, a picture, a cache entry): atomically, but without a flush to
 * the disk, which takes longer than the write. Creates the folder if needed. Throws as {@link writeFileAtomic} does.
 */
export function writeOutputFile(path: string, content: FileContent): Promise<void> {
  return writeFileAtomic(path, content, { durable: false, createFolder: true });
}

const isSystemError = (cause: unknown): cause is NodeJS.ErrnoException =>
  cause instanceof Error && 'errno' in cause;

/**
 * Flushes the folder, so that a rename in it survives a power failure. Windows and some network file systems do
 * not support this; the rename itself has succeeded there all the same.
 */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
