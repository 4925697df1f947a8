/**
 * Format `folder`: `images/` and `masks/` with equal stems (subfolders too), or a manifest that pairs
 * them. `classes.txt` beside them, one name a line, names the classes where `classes` does not.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PixelwiseError } from '../../errors/index.js';
import type { ClassesOption, MaskValues } from '../class-values.js';
import { FileDataset, type FilePair, findLayout } from '../file-dataset.js';
import { isFile, isFolder, listFiles, stemOf } from '../files.js';
import { findMaskMeaning } from '../mask-meaning.js';
import { isManifestName, readManifest } from './manifest.js';

export interface FolderOptions {
  /** Class names, or how many there are; found from the masks where not given. */
  readonly classes?: ClassesOption | undefined;
  /** How masks store classes, where their values leave it open (only 0, or 0 and 255); guessed where not given. */
  readonly maskValues?: MaskValues | undefined;
  /** Groups samples by their id: the first capture group of the pattern, or all that it matches. */
  readonly group?: RegExp | undefined;
  /** Throw where an image has no mask, instead of keeping it aside as unlabelled. */
  readonly requireMasks?: boolean | undefined;
  /** Resizes masks of another size but the shape of their image (nearest), instead of refusing them. */
  readonly resizeMasks?: boolean | undefined;
}

/** What pairing found, the halves without the other included. */
export interface FolderPairs {
  readonly pairs: readonly FilePair[];
  /** Images without a mask. */
  readonly unlabelled: readonly string[];
  /** Masks without an image. */
  readonly orphanMasks: readonly string[];
}

/** True where `root` is a manifest or has what this format needs. */
export async function isFolderFormat(root: string): Promise<boolean> {
  if (isManifestName(root)) return isFile(root);
  if (await isFolder(join(root, 'images'))) return isFolder(join(root, 'masks'));
  return (await manifestIn(root)) !== undefined;
}

/**
 * Opens `root` (a folder, or a manifest file). Throws PixelwiseError: `data-missing`, `data-empty`,
 * `mask-missing` (where asked), `mask-values` (see {@link findMaskMeaning}).
 */
export async function openFolder(root: string, options: FolderOptions = {}): Promise<FileDataset> {
  const { pairs: found, unlabelled, orphanMasks } = await pairFolder(root);
  if (options.requireMasks === true && unlabelled.length > 0) {
    throw new PixelwiseError(
      'mask-missing',
      `${unlabelled.length} images have no mask: ${shortened(unlabelled)}. Add masks of the same stem under masks/, or ` +
        'move these images away.',
    );
  }
  if (found.length === 0) throw noPairs(root, unlabelled, orphanMasks);
  const pairs = options.group === undefined ? found : found.map((pair) => grouped(pair, options.group!));
  const meaning = await findMaskMeaning(
    pairs.map((pair) => pair.mask),
    {
      where: root,
      classes: options.classes ?? (await namesBeside(root)),
      maskValues: options.maskValues,
    },
  );
  const { layout, notes } = await findLayout(pairs.map((pair) => pair.image));
  if (unlabelled.length > 0) notes.push(`${unlabelled.length} images without a mask are kept aside.`);
  if (orphanMasks.length > 0) notes.push(`${orphanMasks.length} masks without an image are not used.`);
  notes.push(...meaning.findings.map(({ message }) => message));
  return new FileDataset({
    format: 'folder',
    pairs,
    classes: meaning.names,
    maskValues: meaning.maskValues,
    layout,
    unlabelled,
    notes,
    resizeMasks: options.resizeMasks ?? false,
    masks: { reading: () => meaning.reading },
  });
}

/** Finds images and masks and pairs them, without opening any. */
export async function pairFolder(root: string): Promise<FolderPairs> {
  const manifest = isManifestName(root) ? root : await manifestIn(root);
  if (manifest !== undefined) {
    const rows = await readManifest(manifest);
    return {
      pairs: rows.flatMap(({ mask, ...row }) => (mask === undefined ? [] : [{ ...row, mask }])),
      unlabelled: rows.filter((row) => row.mask === undefined).map((row) => row.image),
      orphanMasks: [],
    };
  }
  for (const name of ['images', 'masks']) {
    if (await isFolder(join(root, name))) continue;
    throw new PixelwiseError(
      'data-missing',
      `${root}: there is no folder "${name}" in it. Format folder needs images/ and masks/ with files of equal stems ` +
        '(or a manifest.csv with the columns image and mask). For another layout, name it with --format.',
    );
  }
  const images = byStem(await listFiles(join(root, 'images')), join(root, 'images'));
  const masks = byStem(await listFiles(join(root, 'masks')), join(root, 'masks'));
  const pairs: FilePair[] = [];
  const unlabelled: string[] = [];
  for (const [stem, image] of images) {
    const mask = masks.get(stem);
    if (mask === undefined) unlabelled.push(image);
    else pairs.push({ id: stem, image, mask });
  }
  const orphanMasks = [...masks].filter(([stem]) => !images.has(stem)).map(([, mask]) => mask);
  return { pairs, unlabelled, orphanMasks };
}

async function manifestIn(root: string): Promise<string | undefined> {
  for (const name of ['manifest.csv', 'manifest.jsonl']) {
    if (await isFile(join(root, name))) return join(root, name);
  }
  return undefined;
}

function byStem(files: readonly string[], folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of files) {
    const stem = stemOf(file).normalize('NFC');
    const before = found.get(stem);
    if (before !== undefined) {
      throw new PixelwiseError(
        'data-ambiguous',
        `${before} and ${join(folder, file)}: two files of one stem. Rename or remove one of them.`,
      );
    }
    found.set(stem, join(folder, file));
  }
  return found;
}

function grouped(pair: FilePair, pattern: RegExp): FilePair {
  const match = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(pair.id);
  if (match === null) {
    throw new PixelwiseError(
      'group',
      `${pair.image}: the group pattern ${String(pattern)} does not match its id "${pair.id}". Widen the pattern.`,
    );
  }
  return { ...pair, group: match[1] ?? match[0] };
}

async function namesBeside(root: string): Promise<string[] | undefined> {
  const file = join(isManifestName(root) ? dirname(root) : root, 'classes.txt');
  if (!(await isFile(file))) return undefined;
  const names = (await readFile(file, 'utf8')).split(/\r?\n/).map((line) => line.trim());
  return names.filter((name) => name !== '');
}

function noPairs(
  root: string,
  unlabelled: readonly string[],
  orphanMasks: readonly string[],
): PixelwiseError {
  const images = unlabelled.length;
  const masks = orphanMasks.length;
  const example =
    images > 0 && masks > 0
      ? ` For instance, ${unlabelled[0]} has no mask and ${orphanMasks[0]} no image.`
      : '';
  return new PixelwiseError(
    images > 0 ? 'mask-missing' : 'data-empty',
    `${root}: no image has a mask of the same stem (${images} images, ${masks} masks).${example} ` +
      'Name each mask like its image: images/a.jpg and masks/a.png.',
  );
}

function shortened(files: readonly string[]): string {
  return files.length <= 5
    ? files.join(', ')
    : `${files.slice(0, 5).join(', ')} and ${files.length - 5} more`;
}
