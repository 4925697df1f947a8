/** Finds the input images of `predict`, given as files, folders and glob patterns. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { byCodePoint, isFile, isFolder, isImageName, listFiles } from '../data/files.js';
import { PixelwiseError } from '../errors/index.js';
import { IMAGE_FORMAT_NAMES } from '../images/image-source.js';

export interface InputFile {
  /** Path for reading the file and for messages. */
  readonly path: string;
  /** Path relative to the input folder or to the fixed part of the pattern; for a single file, its name. */
  readonly relative: string;
}

/**
 * Finds the image files in the order of `inputs`, each once. Folders are searched recursively. The files of a
 * folder or a pattern are sorted. Patterns support `*`, `?`, `[a-z]`, `{a,b}` and `**`, because some shells, such as
 * those of Windows, do not expand them.
 *
 * @throws PixelwiseError `input-missing` for an input without an image.
 */
export async function findInputs(inputs: readonly string[]): Promise<InputFile[]> {
  const found = new Map<string, InputFile>();
  for (const input of inputs) {
    for (const file of await filesOf(input)) {
      const key = resolve(file.path);
      if (!found.has(key)) found.set(key, file);
    }
  }
  return [...found.values()];
}

async function filesOf(input: string): Promise<InputFile[]> {
  // A file name may contain brackets.
  if (await isFile(input)) return [{ path: input, relative: basename(input) }];
  if (await isFolder(input)) {
    const names = await listFiles(input);
    if (names.length === 0) {
      throw new PixelwiseError(
        'input-missing',
        `${input}: the folder holds no images (${IMAGE_FORMAT_NAMES}).`,
      );
    }
    return names.map((relative) => ({ path: join(input, relative), relative }));
  }
  if (!isPattern(input)) {
    throw new PixelwiseError('input-missing', `${input}: no such file or folder. Check the path.`);
  }
  const { folder, segments } = splitPattern(input);
  const names = new Set<string>();
  for await (const name of matches(folder, '', segments)) names.add(name);
  if (names.size === 0) {
    throw new PixelwiseError('input-missing', `${input}: no image matches this pattern. Check the path.`);
  }
  return [...names].sort(byCodePoint).map((relative) => ({ path: join(folder, relative), relative }));
}

const isPattern = (text: string): boolean => /[*?[{]/.test(text);

/** Splits a pattern into the folder before the first wildcard and the remaining segments. */
function splitPattern(pattern: string): { folder: string; segments: string[] } {
  const slashed = process.platform === 'win32' ? pattern.replaceAll('\\', '/') : pattern;
  const parts = slashed.split('/');
  const fixed = parts.slice(0, parts.findIndex(isPattern));
  const segments = parts.slice(fixed.length).filter((part) => part !== '' && part !== '.');
  // No part before the wildcard means the working folder; a single empty part means the root.
  const folder = fixed.length === 0 ? '.' : fixed.join('/') || '/';
  return { folder, segments };
}

/** Yields the images below `folder` whose relative paths match the segments. Hidden entries never match. */
async function* matches(
  folder: string,
  prefix: string,
  segments: readonly string[],
): AsyncGenerator<string, void, undefined> {
  const [head, ...rest] = segments;
  if (head === undefined) return;
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch(() => []);
  if (head === '**') yield* matches(folder, prefix, rest.length > 0 ? rest : ['*']);
  const fits = segmentPattern(head);
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const relative = `${prefix}${entry.name}`;
    const path = join(folder, relative);
    // `**` does not follow symbolic links, which may be cyclic.
    if (head === '**') {
      if (entry.isDirectory()) yield* matches(folder, `${relative}/`, segments);
    } else if (fits.test(entry.name)) {
      if (rest.length > 0) yield* matches(folder, `${relative}/`, rest);
      else if (isImageName(entry.name) && (await isFile(path))) yield relative;
    }
  }
}

/** Converts one segment of a pattern to a regular expression for a whole name. */
function segmentPattern(segment: string): RegExp {
  let source = '';
  let depth = 0;
  for (let i = 0; i < segment.length; i++) {
    const sign = segment[i]!;
    const set = sign === '[' ? /^\[([!^]?)([^\]]+)\]/.exec(segment.slice(i)) : null;
    if (sign === '*') source += '.*';
    else if (sign === '?') source += '.';
    else if (set) {
      source += `[${set[1] === '' ? '' : '^'}${set[2]!.replace(/[\\^]/g, '\\$&')}]`;
      i += set[0].length - 1;
    } else if (sign === '{' && segment.indexOf('}', i) > 0) {
      source += '(?:';
      depth++;
    } else if (sign === '}' && depth > 0) {
      source += ')';
      depth--;
    } else if (sign === ',' && depth > 0) source += '|';
    else source += sign.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  }
  return new RegExp(`^${source}$`, 'su');
}

/**
 * Returns a unique name for the results of each input, also on case-insensitive file systems. It is the relative
 * path without extension; if several inputs share that, with the extension; if they share that too, the path from
 * their deepest common folder.
 */
export function resultNames(inputs: readonly InputFile[]): string[] {
  const stem = (path: string) => path.replace(/\.[^./\\]+$/, '');
  const fold = (name: string) => name.normalize('NFC').toLowerCase();
  const names = inputs.map(({ relative }) => stem(relative));
  const renameShared = (rename: (input: InputFile, among: readonly InputFile[]) => string): void => {
    const groups = new Map<string, number[]>();
    names.forEach((name, i) => groups.set(fold(name), [...(groups.get(fold(name)) ?? []), i]));
    for (const group of groups.values()) {
      if (group.length === 1) continue;
      const among = group.map((i) => inputs[i]!);
      for (const i of group) names[i] = rename(inputs[i]!, among);
    }
  };
  renameShared(({ relative }) => relative);
  renameShared(({ path }, among) => belowCommonFolder(path, among));
  const taken = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let n = 2; taken.has(fold(unique)); n++) unique = `${name}-${n}`;
    taken.add(fold(unique));
    return unique;
  });
}

/** The path relative to the deepest folder that contains all of the files. */
function belowCommonFolder(path: string, among: readonly InputFile[]): string {
  const split = (file: string) => resolve(file).split(/[\\/]/);
  const parts = split(path);
  const folders = among.map((other) => split(dirname(other.path)));
  let shared = 0;
  while (shared < parts.length - 1 && folders.every((folder) => folder[shared] === parts[shared])) shared++;
  return parts.slice(shared).join('/');
}
