import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryDataset } from '../../test/inference/memory-dataset.js';
import { tinyCard, tinyUNet } from '../../test/inference/tiny-model.js';
import { decodeMask } from '../images/decode-mask.js';
import { evaluate, exportGraph, Segmenter } from '../inference/index.js';
import { encodeModel } from '../onnx/index.js';
import { writeGallery, type Gallery } from './gallery.js';

const SIZES = [
  [40, 52],
  [500, 250],
  [32, 32],
  [33, 31],
] as const;
const IDS = ['a/"b"', '<script>alert(1)</script>', '../🦊', 'x'];

let folder: string;
let segmenter: Segmenter;
let binary: Segmenter;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-gallery-'));
  const open = (classes: number) => {
    const card = tinyCard(classes);
    const { model, state } = tinyUNet(card);
    return Segmenter.load(encodeModel(exportGraph(model, state, card)), { threads: 1 });
  };
  [segmenter, binary] = [await open(3), await open(2)];
});
afterAll(async () => {
  await segmenter.close();
  await binary.close();
  await rm(folder, { recursive: true });
});

const written = async (name: string) =>
  JSON.parse(await readFile(join(folder, name, 'gallery.json'), 'utf8')) as Gallery;

describe('writeGallery', () => {
  it('writes what its JSON names and nothing else, whatever the samples are called', async () => {
    const data = memoryDataset(segmenter.card.classes, SIZES, { ids: IDS, groups: ['p', 'p', 'q', 'q'] });
    const named = { ...data, get: async (i: number) => ({ ...(await data.get(i)), id: IDS[i]! }) };
    const evaluation = await evaluate(segmenter, named);
    const options = { part: 'valid', chosenOn: true };
    await writeGallery(join(folder, 'all'), segmenter, named, evaluation, options);
    const gallery = await written('all');
    expect(gallery).toMatchObject({ version: 1, part: 'valid', scoreAt: 'source', chosenOn: true });
    expect(gallery.classes[1]).toEqual({ name: 'class 1', color: '#e69f00' });
    expect(gallery.items.map(({ id }) => id).sort()).toEqual([...IDS].sort());
    const files = gallery.items.flatMap(({ image, truth, prediction, errors }) => [
      image,
      truth,
      prediction,
      errors,
    ]);
    expect((await readdir(join(folder, 'all', 'gallery'))).sort()).toEqual(
      files.map((file) => file.replace('gallery/', '')).sort(),
    );
    // Fewer samples: the pictures of the first gallery are gone.
    const some = { ...options, indices: [1] };
    const one = await evaluate(segmenter, named, { indices: [1] });
    await writeGallery(join(folder, 'all'), segmenter, named, one, some);
    expect((await written('all')).items).toMatchObject([{ id: IDS[1], group: 'p', width: 500 }]);
    expect(await readdir(join(folder, 'all', 'gallery'))).toHaveLength(4);
  });

  it.each([2, 3])('counts exactly what its pictures show, of %d classes', async (classes) => {
    const model = classes === 2 ? binary : segmenter;
    const data = memoryDataset(model.card.classes, SIZES);
    const evaluation = await evaluate(model, data);
    const name = `counts-${classes}`;
    const { items } = await writeGallery(join(folder, name), model, data, evaluation, {
      part: 'test',
      chosenOn: false,
    });
    for (const { view, counts, truth, prediction, errors, image } of items) {
      expect(Math.max(view.width, view.height)).toBeLessThanOrEqual(320);
      const [t, p, e] = await Promise.all(
        [truth, prediction, errors].map((file) => decodeMask(join(folder, name, file))),
      );
      const again = counts.map((row) => row.map(() => 0));
      t!.data.forEach((actual, i) => actual < classes && again[actual]![p!.data[i]!]!++);
      expect(again).toEqual(counts);
      const kinds = [0, 1, 2, 3].map((kind) => e!.data.filter((value) => value === kind).length);
      expect(kinds[1]).toBe(sum(counts[0]!.slice(1)));
      expect(kinds[2]).toBe(sum(counts.slice(1).map((row) => row[0]!)));
      const sizes = await sharp(join(folder, name, image)).metadata();
      expect(sizes).toMatchObject(view);
    }
    const scores = items.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => a - b));
    expect(items.every((item) => 'dice' in item === (classes === 2))).toBe(true);
  });
});

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
