/**
 * Atomic writes: content goes to a temporary file beside the target, which is then renamed over it. Whoever opens
 * the path, at any moment and after any crash, finds the complete old file or the complete new one.
 */
import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import { makeFolder } from './make-folder.js';
import { isSystemError, writeError } from './write-error.js';

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
const processName = `.pixelwise-${randomBytes(5).toString('hex')}-${threadId}`;

/** Matches the names of temporary files that a killed process may have left behind. */
export const PARTIAL_FILE = /^\.pixelwise-[\da-f]+-\d+-\d+\.partial$/;

/**
 * Creates or replaces the file at `path`.
 *
 * @throws PixelwiseError `write-failed` naming the path and what the disk refused, and whatever a writing function
 *   throws. The previous file is then unchanged, and no temporary file is left.
 */
export async function writeFileAtomic(
  path: string,
  content: FileContent,
  { durable = true, createFolder = false }: WriteOptions = {},
): Promise<void> {
  // A short name of its own: a suffix could make the name too long.
  const temporary = join(dirname(path), `${processName}-${written++}.partial`);
  try {
    if (createFolder) await makeFolder(dirname(path));
    const file = await open(temporary, 'wx');
    try {
      if (typeof content === 'function') await content(file);
      else await file.writeFile(content);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await renameOver(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // Its own failure must not hide the cause.
    if (!isSystemError(cause)) throw cause;
    throw writeError(path, cause, 'If the file existed before, it is unchanged.');
  }
  if (durable) await syncFolder(dirname(path));
}

/** Pauses between attempts to rename on Windows, in milliseconds. */
const RENAME_PAUSES = [10, 30, 100, 300, 1000];

/**
 * Renames a file or folder, replacing a file. On Windows, a virus scanner or a viewer that has the file open for a
 * moment makes this fail, so it is tried again for a second or two.
 */
export async function renameOver(
  from: string,
  to: string,
  { platform = process.platform, move = rename, pauses = RENAME_PAUSES } = {},
): Promise<void> {
  for (const pause of platform === 'win32' ? pauses : []) {
    try {
      return await move(from, to);
    } catch (error) {
      if (!isSystemError(error) || !['EPERM', 'EACCES', 'EBUSY'].includes(error.code)) throw error;
      await wait(pause);
    }
  }
  await move(from, to);
}

/**
 * Writes a file that can be produced again (a mask, a picture, a cache entry): atomically, but without a flush to
 * the disk, which takes longer than the write. Creates the folder if needed. Throws as {@link writeFileAtomic} does.
 */
export function writeOutputFile(path: string, content: FileContent): Promise<void> {
  return writeFileAtomic(path, content, { durable: false, createFolder: true });
}

/**
 * Flushes the folder, so that a rename in it survives a power failure. Windows and some network file systems do
 * not support this; the rename itself has succeeded there all the same.
 */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
