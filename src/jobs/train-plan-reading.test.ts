/** How much of a large data set is read before the first step. */
import { link } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { makeFolder, put, temporaryFolder } from '../../test/support/made-data.js';
import { mapParallel } from '../data/parallel.js';
import { planTraining } from './train-plan.js';

const calls = vi.hoisted(() => ({ decodeMask: 0, decodeImage: 0, describeImage: 0 }));
vi.mock('../images/decode-mask.js', async (original) => {
  const actual = await original<typeof import('../images/decode-mask.js')>();
  const decodeMask: typeof actual.decodeMask = (...args) => (calls.decodeMask++, actual.decodeMask(...args));
  return { ...actual, decodeMask };
});
vi.mock('../images/decode.js', async (original) => {
  const actual = await original<typeof import('../images/decode.js')>();
  const decodeImage: typeof actual.decodeImage = (...args) => (
    calls.decodeImage++,
    actual.decodeImage(...args)
  );
  const describeImage: typeof actual.describeImage = (...args) => (
    calls.describeImage++,
    actual.describeImage(...args)
  );
  return { ...actual, decodeImage, describeImage };
});

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterAll(() => remove());

it('reads a few of many files, whatever is chosen', async () => {
  await makeFolder(root, { count: 1, values: [0, 255] });
  await mapParallel(4000, 32, async (i) => {
    for (const kind of ['images', 'masks']) {
      await link(join(root, kind, 'sample-0.png'), join(root, kind, `copy-${i}.png`));
    }
  });
  const { parts } = await planTraining({ data: root });
  expect(parts.train.length).toBeGreaterThan(3000);
  expect(calls.describeImage).toBeLessThan(400);
  expect(calls.decodeImage).toBeLessThan(100);
  expect(calls.decodeMask).toBeLessThan(400);
});

it('opens a data set once', async () => {
  const count = 8;
  const folder = join(root, 'instances');
  await makeFolder(folder, { count });
  const images = Array.from({ length: count }, (_, id) => ({
    id,
    file_name: `sample-${id}.png`,
    width: 24,
    height: 18,
  }));
  const annotations = images.map(({ id }) => ({
    id,
    image_id: id,
    category_id: 4,
    segmentation: [[2, 2, 12, 2, 12, 15, 2, 15]],
  }));
  const file = join(folder, 'images', 'instances.json');
  await put(file, JSON.stringify({ images, annotations, categories: [{ id: 4, name: 'box' }] }));
  calls.describeImage = 0;
  await planTraining({ data: file, format: 'coco' });
  // Once to open it, and once to look at pairs.
  expect(calls.describeImage).toBe(2 * count);
});
