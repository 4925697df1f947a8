/**
 * Format `voc`: the layout of Pascal VOC segmentation (Everingham et al. 2010), which CVAT, labelme and others
 * export too: `JPEGImages/`, `SegmentationClass/`, and parts in `ImageSets/Segmentation/{train,val,test}.txt`.
 * Classes are those of the list beside the data (`labelmap.txt`, `class_names.txt`); the 21 of Pascal VOC only
 * where the files are named like its own.
 */
import { stemOf } from '../files.js';
import type { Dataset } from '../dataset.js';
import type { FilePair } from '../file-dataset.js';
import { type Layout, type LayoutOptions, openLayout } from '../layout.js';
import { PixelwiseError } from '../../errors/index.js';
import { describeFiles } from '../pairing/describe.js';
import { officialSplit } from '../split-names.js';
import { readLines } from '../text-file.js';
import { folderOf, nameOf, type Tree } from '../tree.js';
import { findLegend } from './class-lists.js';

export const VOC_CLASSES = [
  'background',
  'aeroplane',
  'bicycle',
  'bird',
  'boat',
  'bottle',
  'bus',
  'car',
  'cat',
  'chair',
  'cow',
  'dining table',
  'dog',
  'horse',
  'motorbike',
  'person',
  'potted plant',
  'sheep',
  'sofa',
  'train',
  'tv/monitor',
] as const;

/** Names of Pascal VOC's own pictures: the year and a number. */
const OWN_NAME = /^20\d\d_\d{6}\./;

/** The folder with `JPEGImages` and `SegmentationClass`: the one given, or below it (`VOCdevkit/VOC2012`). */
function findRoot(tree: Tree): string | undefined {
  const roots = tree.files
    .filter((file) => /(^|\/)SegmentationClass\/[^/]+$/.test(file))
    .map((file) => folderOf(folderOf(file)));
  return [...new Set(roots)].find((root) =>
    tree.images().some((file) => file.startsWith(below(root, 'JPEGImages/'))),
  );
}

const below = (root: string, name: string): string => (root === '' ? name : `${root}/${name}`);

export function isVoc(tree: Tree): Promise<boolean> {
  return Promise.resolve(findRoot(tree) !== undefined);
}

/** Opens the data set; `classes` and lists beside the data replace those of Pascal VOC. */
export async function openVoc(tree: Tree, options: LayoutOptions): Promise<Dataset> {
  const layout = await vocLayout(tree);
  const published =
    layout.legend === undefined &&
    layout.pairs.every(({ mask }) => OWN_NAME.test(nameOf(mask.replaceAll('\\', '/'))));
  const classes = options.classes ?? (published ? VOC_CLASSES : undefined);
  return openLayout(tree.root, layout, {
    ...options,
    classes,
    ...(published && { maskValues: 'indices' as const }),
  });
}

/** Pairs of equal names in the two folders, with the parts that the lists name. */
export async function vocLayout(tree: Tree): Promise<Layout> {
  const root = findRoot(tree);
  if (root === undefined) {
    throw new PixelwiseError(
      'data-missing',
      `${tree.root}: there are no folders JPEGImages/ and SegmentationClass/ in it.`,
    );
  }
  const splits = new Map<string, string>();
  for (const list of tree.in(below(root, 'ImageSets/Segmentation'))) {
    const part = officialSplit(stemOf(nameOf(list)));
    if (!['train', 'valid', 'test'].includes(part)) continue;
    for (const line of await readLines(tree.path(list))) splits.set(keyOf(line), part);
  }
  const inside = (folder: string): [key: string, file: string][] =>
    tree
      .images()
      .filter((file) => file.startsWith(below(root, folder)))
      .map((file) => [keyOf(file.slice(below(root, folder).length)), file]);
  const images = inside('JPEGImages/');
  const masks = new Map(inside('SegmentationClass/'));
  const pairs: FilePair[] = [];
  const unlabelled: string[] = [];
  for (const [key, image] of images) {
    const mask = masks.get(key);
    if (mask === undefined) unlabelled.push(tree.path(image));
    else
      pairs.push({
        id: stemOf(image.slice(below(root, 'JPEGImages/').length)).normalize('NFC'),
        image: tree.path(image),
        mask: tree.path(mask),
        split: splits.get(key),
      });
    masks.delete(key);
  }
  return {
    format: 'voc',
    pairing: describeFiles(tree.root, pairs),
    pairs,
    unlabelled,
    orphanMasks: [...masks.values()].map((file) => tree.path(file)),
    unused: [],
    legend: await findLegend(tree),
  };
}

/** A name as it is compared: one Unicode form, one case, without its ending. */
const keyOf = (path: string): string => stemOf(path).normalize('NFC').toLowerCase();
