/** Doctor calls a data set fit if and only if training starts on it: planning, and the first batch. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolder, makeSample, put, temporaryFolder } from '../../test/support/made-data.js';
import { examine } from '../data/index.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { encodeImage, encodeMask } from '../images/encode.js';
import { firstBatch } from './assemble.js';
import { planTraining } from './train-plan.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

const coco = (annotations: object[], categories: object[] = [{ id: 1, name: 'cell' }]): Promise<void> =>
  put(
    join(root, 'annotations/instances_default.json'),
    JSON.stringify({
      images: [0, 1, 2, 3].map((id) => ({ id, file_name: `sample-${id}.png` })),
      annotations,
      categories,
    }),
  );
const polygon = (image: number): object => ({
  id: image,
  image_id: image,
  category_id: 1,
  segmentation: [[2, 2, 12, 2, 12, 12]],
});
const whole = (): Promise<unknown> => makeFolder(root, { count: 4, values: [0, 255] });

const SETS: Readonly<Record<string, [fit: boolean, make: () => Promise<unknown>]>> = {
  'a plain set': [true, whole],
  'one pair': [false, () => makeFolder(root, { count: 1, values: [0, 255] })],
  'two pairs': [true, () => makeFolder(root, { count: 2, values: [0, 255] })],
  'no mask': [false, async () => (await whole(), rm(join(root, 'masks'), { recursive: true }))],
  'a mask without image': [true, async () => (await whole(), rm(join(root, 'images/sample-2.png')))],
  'a damaged image': [false, async () => (await whole(), put(join(root, 'images/sample-2.png'), 'no image'))],
  'a damaged mask': [false, async () => (await whole(), put(join(root, 'masks/sample-2.png'), 'no image'))],
  'an image cut short': [
    false,
    async () => {
      await whole();
      const bytes = await encodeImage(makeSample(2).image);
      await put(join(root, 'images/sample-2.png'), bytes.subarray(0, bytes.length >> 1));
    },
  ],
  'a mask of another shape': [
    false,
    async () => (
      await whole(),
      put(join(root, 'masks/sample-1.png'), await encodeMask(makeSample(1, 60, 12).mask, { as: 'grey' }))
    ),
  ],
  'empty masks': [false, () => makeFolder(root, { count: 4, values: [0, 0] })],
  COCO: [true, async () => (await whole(), coco([0, 1, 2, 3].map(polygon)))],
  'COCO without annotations': [false, async () => (await whole(), coco([], []))],
  'COCO with boxes only': [false, async () => (await whole(), coco([{ ...polygon(1), segmentation: [] }]))],
  'a manifest that names a file that is not there': [
    false,
    async () => (
      await whole(),
      put(
        join(root, 'manifest.csv'),
        'image,mask\nimages/sample-0.png,masks/gone.png\nimages/sample-1.png,masks/sample-1.png\n',
      )
    ),
  ],
  nothing: [false, () => put(join(root, 'notes.txt'), 'to do')],
};

it.each(Object.entries(SETS))('%s', async (_, [fit, make]) => {
  await make();
  const { ok, problems } = await examine({ root });
  const settings = { model: 'unet', epochs: 1, size: 32, batch: 2, lr: 0.001, augment: 'none' } as const;
  const started = await planTraining({ data: root, ...settings })
    .then((plan) => void firstBatch(plan))
    .then(
      () => true,
      (error: unknown) => {
        expect(error instanceof PixelwiseError || error instanceof UsageError, String(error)).toBe(true);
        return false;
      },
    );
  expect([ok, started], JSON.stringify(problems)).toEqual([fit, fit]);
});
