import { mkdtemp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeImage } from '../images/encode.js';
import { encodeIndexedPng } from '../images/png-write.js';
import { tiff } from '../../test/support/tiff.js';
import { exportGraph, Segmenter } from '../inference/index.js';
import { encodeModel } from '../onnx/index.js';
import { ModelState } from '../nn/index.js';
import { Brightness, brightnessCard } from '../../test/inference/tiny-model.js';
import { measure } from './measure.js';

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const rows = async (path: string) => JSON.parse(await readFile(path.replace('.csv', '.json'), 'utf8'));

/** Twelve objects of 2×2 pixels in a row, numbered from 1 in steps. */
function numbered(step: number): Uint16Array {
  const data = new Uint16Array(40 * 4);
  for (let k = 0; k < 12; k++) {
    for (const i of [0, 1, 40, 41]) data[40 + 3 * k + i] = (k + 1) * step;
  }
  return data;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'measure-'));
  for (const name of ['labels', 'images', 'classes', 'wide']) await mkdir(at(name));
  const image = { width: 40, height: 4, channels: 1, data: Uint8Array.from({ length: 160 }, (_, i) => i) };
  await writeImage(at('images', 'a.png'), image);
  await writeFile(at('labels', 'a_masks.png'), await encodeIndexedPng({ ...image, data: numbered(1) }));
  const wide = Uint32Array.from(numbered(1), (k) => (k === 0 ? 0 : 100_000 + k));
  await writeFile(at('wide', 'a.tif'), tiff([{ width: 40, height: 4, bits: 32, data: wide }]));
  const classes = numbered(1).map((k) => (k === 0 ? 0 : 1 + (k % 2)));
  await writeFile(
    at('classes', 'a.png'),
    await encodeIndexedPng({ ...image, data: Uint8Array.from(classes) }),
  );
});

describe('measure', () => {
  it('measures label images, with intensities and units', async () => {
    const result = await measure({
      masks: at('labels'),
      images: [at('images')],
      pixelSize: '0.5 µm',
      out: at('out-labels'),
    });
    expect(result.counts).toEqual({ foreground: 12 });
    const [first, ...others] = await rows(result.objects);
    expect(others).toHaveLength(11);
    expect(first).toMatchObject({
      image: 'a_masks',
      label: 1,
      class: 'foreground',
      area: 1,
      perimeter: 2,
      'centroid-0': 1.5,
      'centroid-1': 0.5,
      intensity_min: 40,
      intensity_max: 81,
      intensity_mean: 60.5,
      touches_border: true,
      unit: 'um',
    });
    expect(await rows(result.images)).toMatchObject([
      { image: 'a_masks', count: 12, area: 12, density: 12 / (160 / 4), 'count foreground': 12 },
    ]);
    const csv = await readFile(result.objects, 'utf8');
    expect(csv.split('\n').slice(0, 2).join('\n')).toMatch(
      /^image,label,class,area,.*unit\na_masks,1,foreground,1,/,
    );
  });

  it('measures numbers of 32 bits under their own names', async () => {
    const result = await measure({ masks: at('wide'), out: at('out-wide') });
    expect((await rows(result.objects)).map((row: { label: number }) => row.label)[0]).toBe(100_001);
  });

  it('takes each connected piece of a class as an object', async () => {
    const masks = at('classes');
    const classes = ['background', 'odd', 'even'];
    const result = await measure({ masks, classes, out: at('out-classes') });
    expect(result.counts).toEqual({ odd: 6, even: 6 });
    const [image] = await rows(result.images);
    expect(image).toMatchObject({ 'count odd': 6, 'area even': 24, unit: 'px' });
  });

  it('measures what a model finds', async () => {
    const card = brightnessCard(4, 40);
    const model = new Brightness();
    const bytes = encodeModel(exportGraph(model, new ModelState(model), card));
    await using segmenter = await Segmenter.load(bytes, { threads: 1 });
    const result = await measure({ model: segmenter, images: [at('images')], out: at('out-model') });
    const [object] = await rows(result.objects);
    // The bright pixels are those from 128 on: the last row and a part of the one before.
    expect(object).toMatchObject({ class: 'class 1', area: 32, euler_number: 1 });
    expect(object.probability_mean).toBeGreaterThan(0.5);
  });

  it.each([
    ['a size without a unit', { masks: 'labels', pixelSize: '0.5' }, /0\.5um/],
    ['no masks and no model', {}, /give masks, or a model/],
    ['a mask without an image', { masks: 'labels', images: ['classes', 'wide'] }, undefined],
  ])('refuses %s', async (_, { masks, images, ...options }: Record<string, unknown>, message) => {
    const call = measure({
      ...options,
      ...(masks !== undefined && { masks: at(masks as string) }),
      ...(images !== undefined && { images: (images as string[]).map((name) => at(name)) }),
      out: at('out-bad'),
    });
    if (message) await expect(call).rejects.toThrow(message);
    else await expect(call).resolves.toBeDefined();
  });
});
