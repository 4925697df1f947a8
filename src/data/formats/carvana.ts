/**
 * Format `carvana`: the Carvana Image Masking Challenge as Kaggle packs it: `train/ID_NN.jpg` and
 * `train_masks/ID_NN_mask.gif` (first frame, first channel: black background, white car), sixteen angles of
 * each car. Samples are grouped by car, the id before the last `_`.
 */
import { join } from 'node:path';
import { PixelwiseError } from '../../errors/index.js';
import { FileDataset, type FilePair } from '../file-dataset.js';
import { isFolder, listFiles, stemOf } from '../files.js';
import type { Tree } from '../tree.js';
import { describeFiles } from '../pairing/describe.js';

const MASK_STEM = /_mask$/;

/** A car's id, twelve hexadecimal digits, and the number of the angle. */
const MASK_NAME = /^train_masks\/[\da-f]{12}_\d{2}_mask\.\w+$/;

/** Recognised by its folders and by the names of its masks. */
export function isCarvana(tree: Tree): Promise<boolean> {
  return Promise.resolve(tree.files.some((file) => MASK_NAME.test(file)));
}

/** Opens the training part (the challenge's test part has no masks): classes `background` and `car`. */
export async function openCarvana(root: string): Promise<FileDataset> {
  if (!(await isFolder(join(root, 'train'))) || !(await isFolder(join(root, 'train_masks')))) {
    throw new PixelwiseError('data-missing', `${root}: there are no folders train/ and train_masks/ in it.`);
  }
  const masks = new Map<string, string>();
  for (const file of await listFiles(join(root, 'train_masks'))) {
    masks.set(stemOf(file).replace(MASK_STEM, ''), join(root, 'train_masks', file));
  }
  const pairs: FilePair[] = [];
  const unlabelled: string[] = [];
  for (const file of await listFiles(join(root, 'train'))) {
    const id = stemOf(file);
    const image = join(root, 'train', file);
    const mask = masks.get(id);
    if (mask === undefined) unlabelled.push(image);
    else pairs.push({ id, image, mask, group: id.replace(/_\d+$/, '') });
  }
  return new FileDataset({
    format: 'carvana',
    pairing: describeFiles(root, pairs),
    pairs,
    classes: ['background', 'car'],
    layout: { channels: 3, maxValue: 255 },
    unlabelled,
    // First channel at or above half is car, whatever palette the GIF was written with.
    masks: { reading: () => ({ kind: 'bright' }) },
  });
}
