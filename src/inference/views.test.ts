import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryDataset } from '../../test/inference/memory-dataset.js';
import {
  Brightness,
  brightnessCard,
  testImage,
  tinyCard,
  tinyUNet,
} from '../../test/inference/tiny-model.js';
import type { Tensor } from '../graph/index.js';
import { mul } from '../graph/index.js';
import { Conv2d, Module, ModelState } from '../nn/index.js';
import type { Layer } from '../nn/index.js';
import { encodeModel } from '../onnx/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { evaluate } from './evaluate.js';
import { exportGraph } from './export-graph.js';
import type { ModelCard } from './model-card.js';
import { Segmenter } from './segmenter.js';
import { addRestored, applySymmetry, symmetriesOf } from './symmetries.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ threads: 1 });
});
afterAll(() => runtime.close());

const load = (model: Layer, state: ModelState, card: ModelCard) =>
  Segmenter.load(encodeModel(exportGraph(model, state, card)), { runtime });

function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

/** A model whose receptive field reaches two pixels around each. */
class Blur extends Module {
  first = new Conv2d(1, 4, 3, { padding: 1 });
  second = new Conv2d(4, 1, 3, { padding: 1 });

  forward(x: Tensor): Tensor {
    return mul(this.second.forward(this.first.forward(x)), 20);
  }
}

describe('an image in tiles', () => {
  it('equals the whole image for a model with a receptive field of one pixel', async () => {
    const model = new Brightness();
    const image = testImage(150, 110, 1);
    const whole = await load(model, new ModelState(model), brightnessCard(110, 150));
    const expected = await whole.segment(image, { probabilities: true });
    const tiled = await load(model, new ModelState(model), brightnessCard(32, 48));
    for (const overlap of [0, 0.5]) {
      const result = await tiled.segment(image, { tile: 48, overlap, probabilities: true });
      expect(furthest(result.probabilities!.data, expected.probabilities!.data)).toBeLessThan(1e-6);
      expect(furthest(result.mask.data, expected.mask.data)).toBe(0);
      expect(result.probabilities).toMatchObject({ width: 150, height: 110, channels: 2 });
    }
    await Promise.all([whole.close(), tiled.close()]);
  });

  it('equals the whole image away from tile borders for a small receptive field', async () => {
    const model = new Blur();
    const state = ModelState.initialize(model, 3);
    const image = testImage(96, 80, 1);
    const whole = await load(model, state, brightnessCard(80, 96));
    const expected = await whole.segment(image, { probabilities: true });
    const tiled = await load(model, state, brightnessCard(32, 32));
    const result = await tiled.segment(image, { tile: 32, overlap: 0.5, probabilities: true });
    // At a tile's border the model reads zero padding; the tile's weight there is e⁻⁸ of the next tile's.
    let most = 0;
    for (let i = 0; i < 96 * 80; i++) {
      const [x, y] = [i % 96, Math.floor(i / 96)];
      if (x < 2 || y < 2 || x >= 94 || y >= 78) continue;
      most = Math.max(most, Math.abs(result.probabilities!.data[i]! - expected.probabilities!.data[i]!));
    }
    expect(most).toBeLessThan(1e-3);
    await Promise.all([whole.close(), tiled.close()]);
  });

  it('supports several classes, images smaller than a tile, and a threshold', async () => {
    const card = tinyCard(3);
    const tiny = tinyUNet(card);
    const segmenter = await load(tiny.model, tiny.state, card);
    const image = testImage(20, 70);
    const { mask, probabilities } = await segmenter.segment(image, { tile: 32, probabilities: true });
    for (let i = 0; i < 1400; i++) {
      const all = [0, 1, 2].map((k) => probabilities!.data[k * 1400 + i]!);
      expect(mask.data[i]).toBe(all.indexOf(Math.max(...all)));
      expect(all.reduce((a, b) => a + b)).toBeCloseTo(1, 4);
    }
    await expect(segmenter.segment(image, { tile: 32, threshold: 0.3 })).rejects.toThrow(/3 classes/);
    await expect(segmenter.segment(image, { tile: 4 })).rejects.toThrow(/whole numbers of pixels, 8 or more/);
    await segmenter.close();
    const model = new Brightness();
    const two = await load(model, new ModelState(model), brightnessCard(16, 16));
    const grey = testImage(40, 40, 1);
    const low = await two.segment(grey, { tile: 16, threshold: 0.2 });
    const high = await two.segment(grey, { tile: 16, threshold: 0.8 });
    const area = (data: Uint8Array) => data.reduce((a, b) => a + b);
    expect(area(low.mask.data)).toBeGreaterThan(area(high.mask.data));
    await two.close();
  });
});

describe('test-time augmentation', () => {
  it.each(['mirror', 'flips', 'all'] as const)(
    '%s averages what the model says of each position',
    async (tta) => {
      const card = tinyCard(3);
      const { model, state } = tinyUNet(card);
      const segmenter = await load(model, state, card);
      const image = testImage(45, 38);
      const symmetries = symmetriesOf(tta);
      const sum = new Float32Array(3 * 45 * 38);
      for (const symmetry of symmetries) {
        const seen = await segmenter.segment(applySymmetry(image, symmetry), { probabilities: true });
        addRestored(seen.probabilities!, symmetry, sum);
      }
      const result = await segmenter.segment(image, { tta, probabilities: true });
      const expected = sum.map((value) => value / symmetries.length);
      expect(furthest(result.probabilities!.data, expected)).toBeLessThan(1e-6);
      await segmenter.close();
    },
  );

  it('does not change the predictions of an equivariant model', async () => {
    const model = new Brightness();
    const segmenter = await load(model, new ModelState(model), brightnessCard(32, 32));
    const image = testImage(64, 64, 1);
    const plain = await segmenter.segment(image, { tile: 32 });
    expect((await segmenter.segment(image, { tile: 32, tta: true })).mask).toEqual(plain.mask);
    await segmenter.close();
  });
});

describe('scores by tiles and test-time augmentation', () => {
  it('are those of the masks that `segment` returns with the same options', async () => {
    const card = tinyCard(2);
    const { model, state } = tinyUNet(card, 7);
    const segmenter = await load(model, state, card);
    const data = memoryDataset(card.classes, [[50, 40]]);
    const { image, mask } = await data.get(0);
    const view = { tile: 32, tta: 'mirror' } as const;
    const predicted = (await segmenter.segment(image, view)).mask.data;
    const counted = predicted.filter((value, i) => mask.data[i] !== 255 && value === mask.data[i]).length;
    const scored = mask.data.filter((value) => value !== 255).length;
    expect((await evaluate(segmenter, data, view)).pixelAccuracy).toBeCloseTo(counted / scored, 9);
    await expect(evaluate(segmenter, data, { ...view, scoreAt: 'model' })).rejects.toThrow(
      /use scoreAt "source"/,
    );
    await segmenter.close();
  });
});
