/**
 * Files that are whole or not there: written beside their place, flushed to the disk, then renamed into it.
 * Whoever opens the path, at any moment and after any crash, finds the old bytes or the new ones.
 */
import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { threadId } from 'node:worker_threads';
import { PixelwiseError } from '../errors/index.js';

let written = 0;

export interface WriteOptions {
  /**
   * Whether the bytes are flushed to the disk, so that they outlast a power failure too; default true. What
   * can be made again by the thousand (masks, caches) does without: a flush takes longer than the file.
   */
  readonly durable?: boolean;
}

/**
 * Replaces or creates the file at `path`, whose folder must exist.
 *
 * @throws PixelwiseError naming the path; then the file is as it was before, and nothing is left beside it.
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string,
  options: WriteOptions = {},
): Promise<void> {
  await writeFileInParts(path, (file) => file.writeFile(content), options);
}

/**
 * The same for a file too large to be held in memory: `write` is handed the file to be, empty, which takes its
 * place once `write` has ended.
 *
 * @throws PixelwiseError as {@link writeFileAtomic} does, and what else `write` throws.
 */
export async function writeFileInParts(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  { durable = true }: WriteOptions = {},
): Promise<void> {
  const beside = `${path}.${process.pid}-${threadId}-${written++}.partial`;
  try {
    const file = await open(beside, 'w');
    try {
      await write(file);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => undefined); // Its own failure must not hide the cause.
    if (!isSystemError(cause)) throw cause;
    throw new PixelwiseError(
      'write',
      `${path} could not be written (${cause.message}); what stood there before is unchanged.`,
      { cause },
    );
  }
  if (durable) await syncFolder(dirname(path));
}

const isSystemError = (cause: unknown): cause is NodeJS.ErrnoException =>
  cause instanceof Error && 'errno' in cause;

/**
 * Makes a rename in the folder outlast a power failure, where the system can: Windows and some network file
 * systems refuse it, and there the file is in place all the same.
 */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
