/**
 * Format `voc`: Pascal VOC segmentation (Everingham et al. 2010): `JPEGImages/`, `SegmentationClass/` (palette
 * PNGs whose indices are the classes, 255 ignored), parts in `ImageSets/Segmentation/{train,val,test}.txt`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PixelwiseError } from '../../errors/index.js';
import { classNames, type ClassesOption, indexValues } from '../class-values.js';
import { FileDataset, type FilePair } from '../file-dataset.js';
import { isFile, isFolder, listFiles, stemOf } from '../files.js';
import { officialSplit } from '../split-names.js';

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

/** Below the folder given, or in VOCdevkit/VOC2012 as the archive unpacks. */
async function findRoot(root: string): Promise<string | undefined> {
  const years = ['VOC2012', 'VOC2011', 'VOC2010', 'VOC2009', 'VOC2008', 'VOC2007'];
  for (const place of ['.', ...years, ...years.map((year) => `VOCdevkit/${year}`)]) {
    const folder = join(root, place);
    if ((await isFolder(join(folder, 'JPEGImages'))) && (await isFolder(join(folder, 'SegmentationClass'))))
      return folder;
  }
  return undefined;
}

export async function isVoc(root: string): Promise<boolean> {
  return (await findRoot(root)) !== undefined;
}

/** Opens the data set; `classes` for sets of one's own in this layout (default the 21 of Pascal VOC). */
export async function openVoc(root: string, classes: ClassesOption = VOC_CLASSES): Promise<FileDataset> {
  const folder = await findRoot(root);
  if (folder === undefined) {
    throw new PixelwiseError(
      'data-missing',
      `${root}: there are no folders JPEGImages/ and SegmentationClass/ in it.`,
    );
  }
  const splits = new Map<string, string>();
  for (const name of ['train', 'val', 'test']) {
    const list = join(folder, 'ImageSets', 'Segmentation', `${name}.txt`);
    if (!(await isFile(list))) continue;
    for (const line of (await readFile(list, 'utf8')).split(/\r?\n/)) {
      if (line.trim() !== '') splits.set(line.trim(), officialSplit(name));
    }
  }
  const images = new Map((await listFiles(join(folder, 'JPEGImages'))).map((file) => [stemOf(file), file]));
  const pairs: FilePair[] = [];
  for (const file of await listFiles(join(folder, 'SegmentationClass'))) {
    const id = stemOf(file);
    const image = images.get(id);
    if (image === undefined) continue;
    const mask = join(folder, 'SegmentationClass', file);
    pairs.push({ id, image: join(folder, 'JPEGImages', image), mask, split: splits.get(id) });
  }
  const labelled = new Set(pairs.map((pair) => pair.id));
  const values = indexValues(classes);
  return new FileDataset({
    format: 'voc',
    pairs,
    classes: classNames(classes),
    layout: { channels: 3, maxValue: 255 },
    unlabelled: [...images]
      .filter(([id]) => !labelled.has(id))
      .map(([, file]) => join(folder, 'JPEGImages', file)),
    masks: { reading: () => ({ kind: 'values', values }) },
  });
}
