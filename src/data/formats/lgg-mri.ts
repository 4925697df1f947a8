/**
 * Format `lgg-mri`: the LGG brain MRI set as Kaggle packs it (Buda et al. 2019; `kaggle_3m`): a folder a
 * patient, slices `X.tif` with `X_mask.tif` of 0 and 255. The archive holds everything twice
 * (`lgg-mri-segmentation/kaggle_3m` again inside); it is read once. Samples are grouped by patient.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PixelwiseError } from '../../errors/index.js';
import { zeroOrFull } from '../class-values.js';
import { FileDataset, type FilePair } from '../file-dataset.js';
import { byCodePoint, isFolder, isImageName } from '../files.js';
import type { Tree } from '../tree.js';
import { describeFiles } from '../pairing/describe.js';

const MASK = /_mask\.tiff?$/i;
/** Where the patients' folders may lie below the folder given. */
const PLACES = ['kaggle_3m', 'lgg-mri-segmentation/kaggle_3m', '.'];

/** Recognised by folders named like the patients of The Cancer Genome Atlas, with slices and their masks. */
export function isLggMri(tree: Tree): Promise<boolean> {
  return Promise.resolve(tree.files.some((file) => /(^|\/)TCGA_[^/]+\/TCGA_[^/]+_mask\.tiff?$/i.test(file)));
}

/** Opens the data set: classes `background` and `lesion`, a group for each patient. */
export async function openLggMri(root: string): Promise<FileDataset> {
  const found = await findPatients(root);
  if (found === undefined) {
    throw new PixelwiseError(
      'data-missing',
      `${root}: no patients' folders with slices X.tif and X_mask.tif, neither here nor under kaggle_3m/. ` +
        'Give the folder the archive was unpacked to.',
    );
  }
  const values = zeroOrFull(255, ['background', 'lesion']);
  const pairs: FilePair[] = [];
  const unlabelled: string[] = [];
  for (const patient of found.patients) {
    const folder = join(found.folder, patient);
    const files = (await readdir(folder)).filter(isImageName).sort(bySlice);
    const masks = new Map(
      files.filter((file) => MASK.test(file)).map((file) => [file.replace(MASK, ''), file]),
    );
    for (const file of files) {
      if (MASK.test(file)) continue;
      const stem = file.replace(/\.[^.]+$/, '');
      const mask = masks.get(stem);
      const image = join(folder, file);
      if (mask === undefined) unlabelled.push(image);
      else pairs.push({ id: `${patient}/${stem}`, image, mask: join(folder, mask), group: patient });
    }
  }
  return new FileDataset({
    format: 'lgg-mri',
    pairing: describeFiles(root, pairs),
    pairs,
    classes: values.names,
    layout: { channels: 3, maxValue: 255 },
    unlabelled,
    masks: { reading: () => ({ kind: 'values', values }) },
  });
}

/** The first of the possible places with folders that hold slices and masks. */
async function findPatients(root: string): Promise<{ folder: string; patients: string[] } | undefined> {
  for (const place of PLACES) {
    const folder = join(root, place);
    if (!(await isFolder(folder))) continue;
    const patients: string[] = [];
    for (const name of (await readdir(folder)).sort(byCodePoint)) {
      const inner = join(folder, name);
      if (name.startsWith('.') || !(await isFolder(inner))) continue;
      if ((await readdir(inner)).some((file) => MASK.test(file))) patients.push(name);
    }
    if (patients.length > 0) return { folder, patients };
  }
  return undefined;
}

/** Slice 2 before slice 10. */
function bySlice(a: string, b: string): number {
  const number = (name: string): number => Number(/_(\d+)(?:_mask)?\.[^.]+$/.exec(name)?.[1] ?? Infinity);
  return number(a) - number(b) || byCodePoint(a, b);
}

/**
 * Sampling weights of the published recipe: w = (mask area + 0.1·mean area) / (1.1·sum of areas), which sum
 * to 1. Slices without a lesion are drawn too, but seldom. All areas 0 give equal weights.
 */
export function sliceWeights(areas: ArrayLike<number>): Float64Array {
  let sum = 0;
  for (let i = 0; i < areas.length; i++) sum += areas[i]!;
  if (sum === 0) return new Float64Array(areas.length).fill(1 / areas.length);
  const floor = (0.1 * sum) / areas.length;
  return Float64Array.from(areas, (area) => (area + floor) / (1.1 * sum));
}
