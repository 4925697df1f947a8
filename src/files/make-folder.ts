/** Creates folders, and says truly why where it cannot. */
import { mkdir, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSystemError } from './write-error.js';

/**
 * Creates a folder and its parents. Returns the topmost one that was created; undefined if it existed.
 *
 * @throws the operating system's error. For a read-only disk, Node's recursive `mkdir` reports a missing folder.
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  try {
    return await mkdir(path, { recursive: true });
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
    const parent = dirname(path);
    const created = parent === path ? undefined : await makeFolder(parent);
    await mkdir(path);
    return created ?? path;
  }
}

/** Removes a folder and its parents up to `topmost`, as far as they are empty. */
export async function removeEmptyFolders(folder: string, topmost: string): Promise<void> {
  for (let path = folder; path.length >= topmost.length; path = dirname(path)) {
    const removed = await rmdir(path).then(
      () => true,
      () => false,
    );
    if (!removed) return;
  }
}
