/** Describes in one line how images and masks were matched. */
import { relative } from 'node:path';
import { folderOf, nameOf } from '../tree.js';
import { partNamed } from './words.js';

export interface PairPaths {
  readonly image: string;
  readonly masks: readonly string[];
}

/** `243 pairs: images/FOLDER/image_N.jpg ↔ masks/FOLDER/mask_N.png`. Paths are relative to the data set. */
export function describePairing(pairs: readonly PairPaths[]): string {
  const several = pairs.some(({ masks }) => masks.length > 1);
  const count = `${pairs.length} ${pairs.length === 1 ? 'pair' : 'pairs'}`;
  const masks = pairs.flatMap((pair) => pair.masks);
  const total = several ? ` (${masks.length} mask files, several for one image)` : '';
  return `${count}${total}: ${patternOf(pairs.map(({ image }) => image))} ↔ ${patternOf(masks)}`;
}

/** The same for pairs of files given by absolute paths. */
export function describeFiles(
  root: string,
  pairs: readonly { readonly image: string; readonly mask: string }[],
): string {
  const below = (path: string): string => relative(root, path).replaceAll('\\', '/');
  return describePairing(pairs.map(({ image, mask }) => ({ image: below(image), masks: [below(mask)] })));
}

/** The common parts of paths, with a word in capitals for the parts that differ. */
export function patternOf(paths: readonly string[]): string {
  if (paths.length === 0) return 'nothing';
  if (paths.length === 1) return paths[0]!;
  const folders = paths.map((path) => (folderOf(path) === '' ? [] : folderOf(path).split('/')));
  const depth = folders[0]!.length;
  const prefix = folders.every((list) => list.length === depth)
    ? Array.from({ length: depth }, (_, at) => folderPattern(folders.map((list) => list[at]!)))
    : ['…'];
  const names = paths.map(nameOf);
  const stems = names.map((name) => name.replace(/\.[^.]+$/, ''));
  const endings = new Set(names.map((name) => /\.[^.]+$/.exec(name)?.[0] ?? ''));
  const ending =
    endings.size === 1
      ? [...endings][0]!
      : `.{${[...endings]
          .map((one) => one.slice(1))
          .sort()
          .slice(0, 4)
          .join(',')}}`;
  return [...prefix, stemPattern(stems) + ending].join('/');
}

function folderPattern(names: readonly string[]): string {
  const distinct = new Set(names);
  if (distinct.size === 1) return names[0]!;
  if ([...distinct].every((name) => partNamed(name.toLowerCase()) !== undefined)) return 'PART';
  return distinct.size === names.length ? 'SAMPLE' : 'FOLDER';
}

/** The pieces (letters, digits, marks) at the start and end of all names, and N or NAME between them. */
function stemPattern(stems: readonly string[]): string {
  if (new Set(stems).size === 1) return stems[0]!;
  const pieces = stems.map((stem) => stem.match(/\p{L}+|\d+|[^\p{L}\d]+/gu) ?? []);
  const shortest = Math.min(...pieces.map((list) => list.length));
  const same = (at: number): boolean => pieces.every((list) => list.at(at) === pieces[0]!.at(at));
  let [head, tail] = [0, 0];
  while (head < shortest && same(head)) head++;
  while (tail < shortest - head && same(-1 - tail)) tail++;
  const middles = pieces.map((list) => list.slice(head, list.length - tail).join(''));
  const middle = middles.every((text) => /^\d+$/.test(text)) ? 'N' : 'NAME';
  return [...pieces[0]!.slice(0, head), middle, ...(tail === 0 ? [] : pieces[0]!.slice(-tail))].join('');
}
