/** Whether a path is a file or a folder. An inaccessible path counts as absent. */
import { type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';

/** Whether there is a file at `path`. */
export async function isFile(path: string): Promise<boolean> {
  return (await statsOf(path))?.isFile() ?? false;
}

/** Whether there is a folder at `path`. */
export async function isFolder(path: string): Promise<boolean> {
  return (await statsOf(path))?.isDirectory() ?? false;
}

/** Whether there is something other than a file or a folder at `path`: a pipe, a socket or a device. */
export async function isSpecial(path: string): Promise<boolean> {
  const stats = await statsOf(path);
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

/** Whether there is anything at `path`. */
export async function exists(path: string): Promise<boolean> {
  return (await statsOf(path)) !== undefined;
}

const statsOf = (path: string): Promise<Stats | undefined> => stat(path).catch(() => undefined);
