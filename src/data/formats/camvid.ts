/**
 * Format `camvid`: CamVid in the layout of the SegNet tutorial (Badrinarayanan et al. 2017). Each line of `train.txt`,
 * `val.txt` and `test.txt` has the path of an image and the path of its annotation. Annotations are greyscale PNGs:
 * values 0 to 10 are the classes, and 11 is unlabelled, which is ignored.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PixelwiseError } from '../../errors/index.js';
import { IGNORE_INDEX } from '../../images/raster.js';
import { classValues } from '../class-values.js';
import { FileDataset, type FilePair } from '../file-dataset.js';
import { isFile, stemOf } from '../files.js';
import { officialSplit } from '../split-names.js';
import { readLines } from '../text-file.js';
import type { Tree } from '../tree.js';
import { describeFiles } from '../pairing/describe.js';

export const CAMVID_CLASSES = [
  'sky',
  'building',
  'pole',
  'road',
  'pavement',
  'tree',
  'sign',
  'fence',
  'car',
  'pedestrian',
  'bicyclist',
] as const;

const UNLABELLED = 11;
const LISTS = ['train', 'val', 'test'] as const;

/** A line with two paths, the first of a frame of one of the four CamVid videos. */
const PAIR_OF_CAMVID = /(0001TP|0006R0|0016E5|Seq05VD)_\w+\.\w+\s+\S+\.\w+$/i;

/** Whether the first line of `train.txt` lists a pair of paths with the name of a CamVid video. */
export async function isCamvid(tree: Tree): Promise<boolean> {
  if (!tree.has('train.txt')) return false;
  return PAIR_OF_CAMVID.test((await readLines(tree.path('train.txt')))[0] ?? '');
}

/** Opens the data set with its official split. Throws `data-missing` if a listed file does not exist. */
export async function openCamvid(root: string): Promise<FileDataset> {
  const pairs: FilePair[] = [];
  for (const name of LISTS) {
    const list = join(root, `${name}.txt`);
    if (!(await isFile(list))) continue;
    const lines = (await readFile(list, 'utf8')).split(/\r?\n/);
    for (const [i, line] of lines.entries()) {
      if (line.trim() === '') continue;
      const [image, mask] = line.trim().split(/\s+/);
      if (image === undefined || mask === undefined) {
        throw new PixelwiseError(
          'data-list',
          `${list}, line ${i + 1}: expected the path of an image and the path of its annotation.`,
        );
      }
      pairs.push({
        id: stemOf(lastTwo(image)),
        image: await locate(root, image, list, i + 1),
        mask: await locate(root, mask, list, i + 1),
        split: officialSplit(name),
      });
    }
  }
  if (pairs.length === 0) {
    throw new PixelwiseError(
      'data-missing',
      `${root}: there is no train.txt, val.txt or test.txt that lists pairs.`,
    );
  }
  const values = classValues(
    CAMVID_CLASSES,
    new Map([...CAMVID_CLASSES.map((_, i) => [i, i] as const), [UNLABELLED, IGNORE_INDEX]]),
    '11 classes by index, 11 ignored',
  );
  return new FileDataset({
    format: 'camvid',
    pairing: describeFiles(root, pairs),
    pairs,
    classes: CAMVID_CLASSES,
    layout: { channels: 3, maxValue: 255 },
    masks: { reading: () => ({ kind: 'values', values }) },
  });
}

/** The last folder and the file name. The tutorial's lists have paths under /SegNet/CamVid, which rarely exists. */
function lastTwo(path: string): string {
  return path.split('/').slice(-2).join('/');
}

async function locate(root: string, path: string, list: string, line: number): Promise<string> {
  for (const candidate of [join(root, path), join(root, lastTwo(path))])
    if (await isFile(candidate)) return candidate;
  throw new PixelwiseError(
    'data-missing',
    `${list}, line ${line}: there is no ${join(root, lastTwo(path))}.`,
  );
}
