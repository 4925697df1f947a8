import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { put, temporaryFolder } from '../../test/support/made-data.js';
import { openDataset } from '../data/index.js';
import { encodeImage } from '../images/encode.js';
import type { ClassMask } from '../images/raster.js';
import { Random } from '../random/index.js';
import { ANNOTATION_FORMATS, PreLabels } from './pre-labels.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

/** Nested rings, components at the border, pixels that touch at corners, and noise. */
function intricate(seed: number, width = 37, height = 29): ClassMask {
  const random = new Random(seed, 'pre-labels');
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const distance = Math.floor(Math.hypot(x - 16, y - 14) / 3);
      data[y * width + x] = random.chance(0.05) ? random.integer(3) : [1, 0, 2, 1, 0][distance % 5]!;
    }
  }
  return { width, height, data };
}

it.each(ANNOTATION_FORMATS)('%s files are read back as the same masks', async (format) => {
  const classes = ['background', 'cell & "wall"', 'nucleus'];
  const labels = new PreLabels(format, classes);
  const masks = new Map<string, ClassMask>();
  for (const seed of [1, 2, 3]) {
    const mask = intricate(seed);
    const fileName = `scan ${seed}.png`;
    masks.set(`scan ${seed}`, mask);
    const { width, height } = mask;
    const image = { width, height, channels: 1, data: new Uint8Array(width * height) };
    await put(join(root, 'images', fileName), await encodeImage(image));
    const file = labels.add({ fileName: `/elsewhere/${fileName}`, mask });
    if (file) await put(join(root, file.path), file.text);
  }
  for (const file of labels.finish()) await put(join(root, file.path), file.text);
  const dataset = await openDataset({ root });
  expect([dataset.format, dataset.classes, dataset.length]).toEqual([format, classes, 3]);
  expect(dataset.findings).toEqual([]);
  for (let i = 0; i < dataset.length; i++) {
    const { id, mask } = await dataset.get(i);
    expect([...mask.data]).toEqual([...masks.get(id)!.data]);
  }
});
