import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryDataset } from '../../test/inference/memory-dataset.js';
import { tinyCard, tinyUNet } from '../../test/inference/tiny-model.js';
import type { Sample } from '../data/index.js';
import { decodeMask } from '../images/decode-mask.js';
import { classColour, classColours, hexColour } from '../images/palette.js';
import { evaluate, exportGraph, type ModelCard, Segmenter } from '../inference/index.js';
import { encodeModel } from '../onnx/index.js';
import { GALLERY_SIDE, writeGallery, type Gallery } from './gallery.js';

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
let street: Segmenter;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-gallery-'));
  const open = (classes: number, changes?: Partial<ModelCard>) => {
    const card = tinyCard(classes, changes);
    const { model, state } = tinyUNet(card);
    return Segmenter.load(encodeModel(exportGraph(model, state, card)), { threads: 1 });
  };
  [segmenter, binary] = [await open(3), await open(2)];
  const classes = ['sky', 'road', 'car'];
  street = await open(3, { classes, palette: classColours(classes) });
});
afterAll(async () => {
  await segmenter.close();
  await binary.close();
  await street.close();
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
      expect(Math.max(view.width, view.height)).toBeLessThanOrEqual(GALLERY_SIDE);
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

  it('draws every class where none is the background', async () => {
    const { classes } = street.card;
    const skyAlone = memoryDataset(classes, [[40, 52]]);
    const data = { ...skyAlone, get: async (i: number) => onlySky(await skyAlone.get(i)) };
    const evaluation = await evaluate(street, data);
    expect(evaluation.perSample[0]!.foreground).toBe(40 * 52);
    const gallery = await writeGallery(join(folder, 'street'), street, data, evaluation, {
      part: 'test',
      chosenOn: false,
    });
    expect(gallery.background).toBeNull();
    expect(gallery.classes.map(({ color }) => color)).toEqual(classColours(classes).map(hexColour));
    const [{ truth, errors }] = gallery.items as [Gallery['items'][number]];
    const at = (path: string) => join(folder, 'street', path);
    const { channels } = await sharp(at(truth)).stats();
    expect(channels.map(({ mean }) => mean)).toEqual([...classColour(3), 255]);
    const kinds = (await decodeMask(at(errors))).data.filter((value) => value > 0);
    expect(kinds.length).toBeGreaterThan(0);
    expect(kinds.every((kind) => kind === 3)).toBe(true);
  });
});

function onlySky({ mask, ...sample }: Sample): Sample {
  return { ...sample, mask: { ...mask, data: new Uint8Array(mask.data.length) } };
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
