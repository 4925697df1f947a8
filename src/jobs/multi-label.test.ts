/** Classes that overlap, from files to scores, predictions and exported files. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDataset } from '../data/index.js';
import { decodeMask } from '../images/decode-mask.js';
import { writeImage, writeMask } from '../images/encode.js';
import {
  ensembleModel,
  evaluate,
  exportRun,
  maskToCoco,
  maskToGeoJson,
  predictFiles,
  Segmenter,
} from '../inference/index.js';
import { planeOf } from '../labels/label-set.js';
import { decodeModel } from '../onnx/index.js';
import { readRunConfig, RunFolder } from '../training/index.js';
import { train, type TrainResult } from './train.js';

const [SIZE, COUNT] = [32, 8];
let folder: string;
let data: string;
let result: TrainResult;

/** Image i: a bright square and a red band, which overlap. */
const inSquare = (i: number, x: number, y: number) => x >= 4 + i && x < 20 + i && y >= 4 && y < 20;
const inBand = (i: number, y: number) => y >= 12 + (i % 3) && y < 24;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-multi-label-'));
  data = join(folder, 'data');
  for (const part of ['images', 'masks/square', 'masks/band'])
    await mkdir(join(data, part), { recursive: true });
  for (let i = 0; i < COUNT; i++) {
    const image = new Uint8Array(SIZE * SIZE * 3);
    const masks = { square: new Uint8Array(SIZE * SIZE), band: new Uint8Array(SIZE * SIZE) };
    for (let y = 0, at = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++, at++) {
        masks.square[at] = inSquare(i, x, y) ? 255 : 0;
        masks.band[at] = inBand(i, y) ? 255 : 0;
        image.set([inBand(i, y) ? 220 : 30, inSquare(i, x, y) ? 220 : 30, 30], 3 * at);
      }
    }
    const plane = { width: SIZE, height: SIZE };
    await writeImage(join(data, 'images', `${i}.png`), { ...plane, channels: 3, data: image });
    for (const [name, mask] of Object.entries(masks))
      await writeMask(join(data, 'masks', name, `${i}.png`), { ...plane, data: mask }, { as: 'grey' });
  }
  result = await train({
    data,
    multiLabel: true,
    out: join(folder, 'run'),
    model: 'unet',
    ...{ width: 4, depth: 2, size: SIZE, batch: 2, epochs: 20, lr: 0.02, threads: 1, augment: 'none' },
  });
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

it('reads one mask file for each class as sets', async () => {
  const dataset = await openDataset({ root: data, multiLabel: true });
  expect(dataset).toMatchObject({ classes: ['band', 'square'], multiLabel: true });
  const { mask } = await dataset.get(0);
  expect([...new Set(mask.data)].sort()).toEqual([0, 1, 2, 3]);
  expect(mask.data[13 * SIZE + 8]).toBe(3);
  const covered = await openDataset({ root: data });
  expect(covered.classes).toEqual(['background', 'band', 'square']);
});

it('learns both classes where they overlap, and scores each for itself', async () => {
  const { valid } = result;
  expect(valid!.classes.map(({ name }) => name)).toEqual(['band', 'square']);
  expect(valid!.meanIoU).toBeGreaterThan(0.85);
  expect(valid).not.toHaveProperty('dice');
  const config = await readRunConfig(new RunFolder(result.run));
  expect(config).toMatchObject({ multiLabel: true, training: { loss: 'bce+dice' } });
  const html = await readFile(join(result.run, 'report.html'), 'utf8');
  expect(html).toContain('square');
});

it('predicts sets, a mask for each class, and outlines that overlap', async () => {
  await using segmenter = await Segmenter.load(result.run, { threads: 1 });
  const out = join(folder, 'out');
  const { outputs, failures } = await predictFiles(segmenter, [join(data, 'images', '0.png')], {
    out,
    overlay: true,
    outlines: 'geojson',
  });
  expect(failures).toEqual([]);
  const sets = await decodeMask(outputs[0]!.mask);
  for (const [k, name] of ['band', 'square'].entries()) {
    const { data: own } = await decodeMask(join(out, name, '0.png'));
    expect([...own].map((value) => value / 255)).toEqual([...planeOf(Uint8Array.from(sets.data), k)]);
  }
  const mask = { width: SIZE, height: SIZE, data: Uint8Array.from(sets.data) };
  const areas = (k: number) => planeOf(mask.data, k).reduce((sum, value) => sum + value, 0);
  const { annotations } = maskToCoco(mask, ['band', 'square'], '0.png', { multiLabel: true });
  expect(annotations.map(({ area }) => area)).toEqual([areas(0), areas(1)]);
  const { features } = maskToGeoJson(mask, ['band', 'square'], { multiLabel: true });
  expect(new Set(features.map(({ properties }) => properties.class))).toEqual(new Set(['band', 'square']));
  // Read back as data, the masks score perfectly against the predictions they were made from.
  const tiled = await segmenter.segment(join(data, 'images', '0.png'), { tile: SIZE, minArea: 2 });
  expect(tiled.mask.data.filter((value, i) => value !== mask.data[i]).length).toBeLessThan(8);
});

it('exports a file that gives the same sets, alone and in an ensemble', async () => {
  const file = join(folder, 'model.onnx');
  await exportRun(result.run, { out: file });
  const image = join(data, 'images', '1.png');
  const segmented = async (source: string | Uint8Array) => {
    await using segmenter = await Segmenter.load(source, { threads: 1 });
    return await segmenter.segment(image, { probabilities: true });
  };
  const own = await segmented(result.run);
  const exported = await segmented(file);
  expect(exported.mask.data).toEqual(own.mask.data);
  // Each class has a probability of its own: where they overlap, both are high.
  const at = 14 * SIZE + 9;
  const both = [0, 1].map((k) => exported.probabilities!.data[k * SIZE * SIZE + at]!);
  expect(Math.min(...both)).toBeGreaterThan(0.5);
  const model = decodeModel(new Uint8Array(await readFile(file)), file);
  expect(() => ensembleModel([model, model], ['a', 'b'])).not.toThrow();
  await using together = await Segmenter.load([file, file], { threads: 1 });
  expect((await together.segment(image)).mask.data).toEqual(own.mask.data);
});

it('is scored on data that is read in the same way', async () => {
  await using segmenter = await Segmenter.load(result.run, { threads: 1 });
  const dataset = await openDataset({ root: data, multiLabel: true });
  const { classes, confusion, loss, pixelAccuracy } = await evaluate(segmenter, dataset);
  expect(confusion).toHaveLength(4);
  expect(classes.every(({ iou }) => iou! > 0.8)).toBe(true);
  expect(pixelAccuracy).toBeGreaterThan(0.9);
  expect(loss).toBeUndefined();
  const covered = await openDataset({ root: data, classes: ['background', 'band', 'square'] });
  await expect(evaluate(segmenter, covered)).rejects.toThrow(/overlap/);
});

it('is refused where a pixel has one class', async () => {
  const single = join(folder, 'single');
  await mkdir(join(single, 'images'), { recursive: true });
  await mkdir(join(single, 'masks'));
  for (const i of [0, 1]) {
    const plane = { width: 8, height: 8 };
    await writeImage(join(single, 'images', `${i}.png`), {
      ...plane,
      channels: 3,
      data: new Uint8Array(192),
    });
    const mask = { ...plane, data: Uint8Array.from({ length: 64 }, (_, at) => at % 2) };
    await writeMask(join(single, 'masks', `${i}.png`), mask, { as: 'grey' });
  }
  await expect(openDataset({ root: single, multiLabel: true })).rejects.toThrow(
    /one class for each pixel: leave it out/,
  );
});
