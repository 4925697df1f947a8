/** Finds the images in a folder. */
import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import { isFolder, isSpecial } from '../files/index.js';
import { IMAGE_ENDINGS } from '../images/image-source.js';
import { byCodePoint } from './paths.js';

export { isFile, isFolder } from '../files/index.js';
export { byCodePoint, stemOf } from './paths.js';

/** Image files are found by their extensions; the format is detected from the bytes. */
const IMAGE_ENDING = new RegExp(`\\.(${IMAGE_ENDINGS.join('|')})$`, 'i');

/** True for names like `photo.PNG`, false for hidden files (`.DS_Store`, `._photo.png`). */
export function isImageName(name: string): boolean {
  return IMAGE_ENDING.test(name) && !name.startsWith('.');
}

/**
 * Paths of all files below `root` that `wanted` accepts by name, relative to it, with `/` between folders on
 * every system, sorted by code point. Links to folders are followed once, so circular links do no harm.
 * Throws `data-missing` if `root` is not a folder.
 */
export async function listFiles(
  root: string,
  wanted: (name: string) => boolean = isImageName,
): Promise<string[]> {
  const found: string[] = [];
  const visited = new Set<string>();
  const walk = async (folder: string, prefix: string): Promise<void> => {
    const real = await realpath(folder);
    if (visited.has(real)) return;
    visited.add(real);
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries) {
      const path = join(folder, entry.name);
      const relative = `${prefix}${entry.name}`;
      // `__MACOSX` contains the resource forks that macOS adds to zip files.
      if (entry.name.startsWith('.') || entry.name === '__MACOSX') continue;
      if (entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(path))))
        await walk(path, `${relative}/`);
      // A broken link is listed, so that reading it reports an error instead of silently skipping it. Pipes, sockets
      // and devices are not listed, because reading them may never end.
      else if (wanted(entry.name) && (entry.isFile() || !(await isSpecial(path)))) found.push(relative);
    }
  };
  if (!(await isFolder(root))) {
    throw new PixelwiseError('data-missing', `${root}: there is no such folder. Check the path.`);
  }
  await walk(root, '');
  return found.sort(byCodePoint);
}
