import sharp from 'sharp';
import { expect, it } from 'vitest';
import type { Dataset } from '../data/index.js';
import type { RasterSegmenter } from '../inference/index.js';
import type { SampleScores } from '../metrics/index.js';
import { type ObjectMap, objectCode } from '../objects/index.js';
import { fateExamples, imagesWithErrors } from './fate-examples.js';

const WIDTH = 80;
const HEIGHT = 60;

/** Rectangles by number, each with left, top, width and height. */
function labelsOf(...boxes: (readonly [number, number, number, number])[]): Int32Array {
  const labels = new Int32Array(WIDTH * HEIGHT);
  boxes.forEach(([left, top, width, height], k) => {
    for (let i = 0; i < width * height; i++) {
      labels[(top + Math.floor(i / width)) * WIDTH + left + (i % width)] = k + 1;
    }
  });
  return labels;
}

/** Two that touch are found as one, one is missed, one is found as two, and one is invented. */
const trues = labelsOf([2, 2, 8, 8], [10, 2, 8, 8], [30, 4, 6, 4], [50, 20, 20, 10]);
const found = labelsOf([2, 2, 16, 8], [50, 20, 10, 10], [60, 20, 10, 10], [4, 48, 5, 10]);

it('shows the largest objects with each error, in the images with most of them', async () => {
  const image = {
    width: WIDTH,
    height: HEIGHT,
    channels: 3,
    data: new Uint8Array(3 * WIDTH * HEIGHT).fill(90),
  };
  const objects = {
    width: WIDTH,
    height: HEIGHT,
    data: Uint32Array.from(trues, (n) => n && objectCode(n, 1)),
  };
  const asked: number[] = [];
  const dataset = { get: async (i: number) => (asked.push(i), { id: `image ${i}`, image, objects }) };
  const map: ObjectMap = { width: WIDTH, height: HEIGHT, labels: found, classes: new Uint8Array(4).fill(1) };
  const segmenter = { segment: async () => ({ objects: map }) };
  const scoresOf = (missed: number, merged: number) => ({
    id: `m${missed}`,
    objects: { missed, merged, invented: 1, split: 1 },
  });
  const perSample = [scoresOf(0, 0), scoresOf(3, 0), scoresOf(1, 2)] as unknown as SampleScores[];
  expect([...imagesWithErrors(perSample)]).toEqual([
    [1, ['missed', 'invented', 'split']],
    [2, ['missed', 'invented', 'split', 'merged']],
    [0, ['invented', 'split']],
  ]);

  const written = new Map<string, Uint8Array>();
  const examples = await fateExamples(
    segmenter as unknown as RasterSegmenter,
    dataset as unknown as Dataset,
    perSample,
    {
      indices: [10, 11, 12],
      write: async (name, bytes) => {
        written.set(name, bytes);
        return name;
      },
    },
  );
  expect(asked).toEqual([11, 12, 10]);
  expect(examples.map(({ fate, id, area }) => [fate, id, area])).toEqual([
    ['missed', 'm3', 24],
    ['missed', 'm1', 24],
    ['invented', 'm3', 50],
    ['invented', 'm1', 50],
    ['invented', 'm0', 50],
    ['split', 'm3', 200],
    ['split', 'm1', 200],
    ['split', 'm0', 200],
    ['merged', 'm1', 128],
  ]);
  const merged = examples.at(-1)!;
  // A square with 12 pixels around the object, moved into the image.
  expect(merged.box).toEqual({ x: 0, y: 0, width: 40, height: 40 });
  expect(merged.view).toEqual({ width: 160, height: 160 });
  for (const { view, ...pictures } of examples) {
    for (const name of [pictures.image, pictures.truth, pictures.found]) {
      expect(await sharp(written.get(name)).metadata()).toMatchObject(view);
    }
  }
  // A line between the two that were merged, only in the picture of the truth.
  const alphaAt = async (name: string, x: number, y: number) =>
    (await sharp(written.get(name)).ensureAlpha().raw().toBuffer())[4 * (y * 160 + x) + 3];
  expect(await alphaAt(merged.truth, 40, 24)).toBe(255);
  expect(await alphaAt(merged.found, 40, 24)).toBe(0);
});
