/** What a path tells about a file: its words, the words of its folders, and whether it is an image or a mask. */
import { stemOf } from '../files.js';
import { folderOf, nameOf } from '../tree.js';
import {
  isFilling,
  isImageWord,
  isMaskWord,
  isRoleWord,
  partOfFolder,
  roleOfFolder,
  type Role,
  wordsOf,
} from './words.js';

export interface NamedFile {
  /** Relative path. */
  readonly path: string;
  readonly folder: string;
  /** Words of the name without its extension. */
  readonly words: readonly string[];
  /** Words of the folders that identify the sample or class, without words like "images" or "masks". */
  readonly context: readonly string[];
  /** The part (train, valid, test) named by its folders. */
  readonly part: string | undefined;
  readonly role: Role | undefined;
}

/** Describes files by their paths. Folders common to all files are ignored. */
export function nameFiles(paths: readonly string[]): NamedFile[] {
  const shared = sharedFolders(paths);
  const words = paths.map((path) => wordsOf(stemOf(nameOf(path))));
  const roles = stemRoles(paths, words);
  const folderWords = new Map<string, FolderFacts>();
  return paths.map((path, i) => {
    const folder = folderOf(path);
    let facts = folderWords.get(folder);
    if (facts === undefined) folderWords.set(folder, (facts = folderFacts(folder, shared)));
    return {
      path,
      folder,
      words: words[i]!,
      context: facts.context,
      part: facts.part,
      role: facts.role === 'mask' || roles[i] === 'mask' ? 'mask' : (facts.role ?? roles[i]),
    };
  });
}

type FolderFacts = Pick<NamedFile, 'context' | 'part' | 'role'>;

function folderFacts(folder: string, shared: number): FolderFacts {
  const folders = folder === '' ? [] : folder.split('/').slice(shared);
  return {
    context: folders.flatMap(wordsOf).filter((word) => !isRoleWord(word)),
    part: folders.map(partOfFolder).findLast((part) => part !== undefined),
    role: folders.map(roleOfFolder).findLast((role) => role !== undefined),
  };
}

function sharedFolders(paths: readonly string[]): number {
  const [first, ...rest] = paths.map((path) => path.split('/').slice(0, -1));
  if (first === undefined) return 0;
  let shared = first.length;
  for (const folders of rest) {
    let same = 0;
    while (same < shared && folders[same] === first[same]) same++;
    shared = same;
  }
  return shared;
}

/**
 * The kind named by the first or last word of a name (`mask_01`, `01_mask`), if the files in a folder differ in this
 * word, or the folder's name does not name a kind: in `images/label_1.png`, `images/label_2.png` it is only a name.
 */
function stemRoles(paths: readonly string[], words: readonly (readonly string[])[]): (Role | undefined)[] {
  const byFolder = new Map<string, number[]>();
  paths.forEach((path, i) => {
    const folder = folderOf(path);
    const list = byFolder.get(folder);
    if (list === undefined) byFolder.set(folder, [i]);
    else list.push(i);
  });
  const roles = words.map(stemRole);
  for (const [folder, list] of byFolder) {
    const named = roleOfFolder(nameOf(folder)) !== undefined;
    if (!named || !list.every((i) => roles[i] === roles[list[0]!])) continue;
    for (const i of list) roles[i] = undefined;
  }
  return roles;
}

function stemRole(words: readonly string[]): Role | undefined {
  // A number may follow the word: `21_manual1`, `x_mask_2`.
  const ends = [words[0], ...words.slice(-3)].filter((word) => word !== undefined);
  if (ends.some(isMaskWord)) return 'mask';
  if (ends.some(isImageWord)) return 'image';
  return undefined;
}

/** The words without those at the start and end that name the kind. */
export function withoutRoleWords(words: readonly string[]): string[] {
  const says = (word: string): boolean => isMaskWord(word) || isImageWord(word) || isFilling(word);
  let [from, to] = [0, words.length];
  while (from < to && says(words[from]!)) from++;
  while (to > from && says(words[to - 1]!)) to--;
  return words.slice(from, to);
}
