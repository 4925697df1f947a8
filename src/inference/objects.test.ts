import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brightnessCard } from '../../test/inference/tiny-model.js';
import { asObjects, describeDataset } from '../data/index.js';
import type { Tensor } from '../graph/index.js';
import { concat, mul, sub } from '../graph/index.js';
import { decodeLabels } from '../images/decode-labels.js';
import { writeImage } from '../images/encode.js';
import type { Raster } from '../images/raster.js';
import { Module, ModelState } from '../nn/index.js';
import { decodeModel, encodeModel } from '../onnx/index.js';
import { levelsOf, objectCode, type ObjectMask, objectsOfCodes } from '../objects/index.js';
import { evaluate } from './evaluate.js';
import { exportGraph } from './export-graph.js';
import type { ModelCard } from './model-card.js';
import { predictFiles } from './predict.js';
import { Segmenter } from './segmenter.js';

const WIDTH = 96;
const HEIGHT = 64;

/** Tells the levels apart by brightness: 0 background, ⅓ rim, ⅔ between, 1 core. Each pixel by itself. */
class LevelsOfBrightness extends Module {
  forward(x: Tensor): Tensor {
    return concat(
      [0, 1 / 3, 2 / 3, 1].map((level) => mul(sub(mul(x, level), (level * level) / 2), 120)),
      1,
    );
  }
}

/** Discs that touch; one of them across the tiles' seams at 32 and 64. */
function truth(): ObjectMask {
  const data = new Uint32Array(WIDTH * HEIGHT);
  const discs = [
    [32, 30, 11],
    [53, 30, 10],
    [75, 33, 12],
    [64, 52, 9],
    [12, 14, 10],
    [90, 6, 9],
  ] as const;
  discs.forEach(([cx, cy, radius], k) => {
    for (let i = 0; i < data.length; i++) {
      const distance = Math.hypot((i % WIDTH) - cx, Math.floor(i / WIDTH) - cy);
      if (distance <= radius) data[i] = objectCode(k + 1, 1);
    }
  });
  return { width: WIDTH, height: HEIGHT, data };
}

function imageOf(mask: ObjectMask): Raster {
  const data = levelsOf(mask).map((level) => 85 * level);
  return { width: mask.width, height: mask.height, channels: 1, data };
}

const modelOf = (changes: Partial<ModelCard>): Uint8Array => {
  const card = { ...brightnessCard(HEIGHT, WIDTH), objects: true as const, ...changes };
  const model = new LevelsOfBrightness();
  return encodeModel(exportGraph(model, new ModelState(model), card));
};

let whole: Segmenter;
let tiled: Segmenter;
const mask = truth();
const image = imageOf(mask);

beforeAll(async () => {
  whole = await Segmenter.load(modelOf({}), { threads: 1 });
  tiled = await Segmenter.load(modelOf({ patch: { scale: 1 }, height: 32, width: 32 }), { threads: 1 });
});
afterAll(async () => {
  await whole.close();
  await tiled.close();
});

describe('a model of objects', () => {
  it('tells touching objects apart', async () => {
    const { objects, mask: classes } = await whole.segment(image);
    const { labels } = objectsOfCodes(mask);
    expect(objects!.classes).toEqual(new Uint8Array(6).fill(1));
    const wrong = objects!.labels.filter((label, i) => label !== labels[i]).length;
    expect(wrong).toBeLessThan(0.02 * WIDTH * HEIGHT);
    expect(objects!.probabilities.every((p) => p > 0.9 && p <= 1)).toBe(true);
    expect(classes.data).toEqual(Uint8Array.from(objects!.labels, Math.sign));
  });

  it('finds the same objects in tiles, across their seams, and with mirrored copies', async () => {
    const { objects } = await whole.segment(image);
    expect((await tiled.segment(image)).objects!.labels).toEqual(objects!.labels);
    const mirrored = await whole.segment(image, { tta: true });
    expect(mirrored.objects!.labels).toEqual(objects!.labels);
  });

  it('cleans by object', async () => {
    const areas = new Map<number, number>();
    for (const label of (await whole.segment(image)).objects!.labels) {
      areas.set(label, (areas.get(label) ?? 0) + 1);
    }
    const limit = 330;
    const kept = [...areas].filter(([label, area]) => label > 0 && area >= limit).length;
    const { objects } = await whole.segment(image, { minArea: limit });
    expect(kept).toBeGreaterThan(1);
    expect(objects!.classes).toHaveLength(kept);
    const largest = await whole.segment(image, { keepLargest: true });
    expect(largest.objects!.classes).toHaveLength(1);
  });

  it('has a third output in its file', () => {
    const { outputs } = decodeModel(modelOf({})).graph;
    expect(outputs.map(({ name, dims }) => [name, dims])).toEqual([
      ['mask', [1, 'height', 'width']],
      ['probabilities', [1, 2, 'height', 'width']],
      ['separation', [1, 'height', 'width']],
    ]);
  });

  it.each([
    ['in one piece', () => whole],
    ['in tiles', () => tiled],
  ])('is scored %s', async (_, segmenter) => {
    const data = new Uint8Array(mask.data.length).map((_, i) => Math.sign(mask.data[i]!));
    const sample = { image, mask: { width: WIDTH, height: HEIGHT, data }, objects: mask };
    const source = { length: 1, get: () => sample, classes: ['background', 'class 1'], hasObjects: true };
    const dataset = asObjects(await describeDataset(source), 'memory');
    const { objects, perSample, dice } = await evaluate(segmenter(), dataset);
    expect(objects).toMatchObject({
      ap50: 1,
      f1: 1,
      counted: 6,
      true: 6,
      countError: 0,
      split: 0,
      merged: 0,
    });
    expect(objects!.panopticQuality).toBeGreaterThan(0.93);
    expect(perSample[0]!.objects).toMatchObject({ ap50: 1, counted: 6, missed: 0 });
    expect(dice).toBe(1);
  });

  it('writes label images, tables, outlines and overlays', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'objects-'));
    await writeImage(join(folder, 'a.png'), image);
    const predict = async (options: object, out: string) => {
      const options_ = { ...options, out: join(folder, out) };
      const { outputs, failures } = await predictFiles(whole, [join(folder, 'a.png')], options_);
      expect(failures).toEqual([]);
      return outputs[0]!;
    };
    const { labels } = (await whole.segment(image)).objects!;
    const png = await predict({ outlines: 'geojson', overlay: true }, 'png');
    expect((await decodeLabels(png.objects!)).data).toEqual(Uint16Array.from(labels));
    const table = (await readFile(png.objectTable!, 'utf8')).trim().split('\n');
    expect(table).toHaveLength(7);
    expect(table[0]).toMatch(
      /^image,label,class,area,.*intensity_mean,.*probability_mean,touches_border,unit$/,
    );
    const { features } = JSON.parse(await readFile(png.outlines!, 'utf8'));
    expect(features).toHaveLength(6);
    expect(features[1].properties).toMatchObject({ label: 2, class: 'class 1', unit: 'px' });
    expect((await readFile(png.overlay!)).length).toBeGreaterThan(1000);

    const tif = await predict({ labels: 'tif', pixelSize: '0.5um', outlines: 'coco' }, 'tif');
    expect((await decodeLabels(tif.objects!)).data).toEqual(Uint16Array.from(labels));
    const bytes = await readFile(tif.objects!, 'latin1');
    expect(bytes).toContain('ImageJ=');
    expect(bytes).toContain('unit=micron');
    const coco = JSON.parse(await readFile(tif.outlines!, 'utf8'));
    expect(coco.annotations).toHaveLength(6);
    expect(coco.annotations[0]).toMatchObject({ iscrowd: 0, category_id: 1 });

    // From tiles, as an image that does not fit into memory.
    const large = await predict({ tile: 96, stripsAbove: 1, outlines: 'geojson' }, 'large');
    expect((await decodeLabels(large.objects!)).data).toEqual(Uint16Array.from(labels));
  });
});
