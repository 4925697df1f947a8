import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryDataset } from '../../test/inference/memory-dataset.js';
import { testImage, tinyCard, tinyUNet } from '../../test/inference/tiny-model.js';
import { sampleWindow } from '../data/padded-window.js';
import { crossEntropy } from '../nn/index.js';
import { decodeModel, encodeModel } from '../onnx/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { evaluate } from './evaluate.js';
import { exportGraph } from './export-graph.js';
import { IMAGE } from './export-graph.js';
import { CARD_KEY, parseCard } from './model-card.js';
import type { ModelCard } from './model-card.js';
import { Segmenter } from './segmenter.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ threads: 1 });
});
afterAll(() => runtime.close());

const SIDE = 32;
const whole = tinyCard(3, { height: SIDE, width: SIDE });
const card: ModelCard = { ...whole, patch: { scale: 1 } };

const exported = (of: ModelCard) => {
  const { model, state } = tinyUNet(of, 5);
  return exportGraph(model, state, of);
};
const opened = (of: ModelCard) => Segmenter.load(encodeModel(exported(of)), { runtime });

describe('a model of patches', () => {
  it('is a file that says its scale and takes tiles', () => {
    const { graph, metadata } = decodeModel(encodeModel(exported(card)));
    expect(graph.inputs.find(({ name }) => name === IMAGE)!.dims).toEqual([1, SIDE, SIDE, card.channels]);
    expect(parseCard(metadata[CARD_KEY], 'file')).toMatchObject({ patch: { scale: 1 }, height: SIDE });
    const { model, state } = tinyUNet(card, 5);
    expect(() => exportGraph(model, state, card, { size: 'free' })).toThrow(/Leave the size out/);
  });

  it('segments images of any size in tiles, as a model of whole images does when told to', async () => {
    const [patches, resized] = [await opened(card), await opened(whole)];
    for (const [width, height] of [
      [75, 50],
      [20, 40],
    ] as const) {
      const image = testImage(width, height);
      const own = await patches.segment(image, { probabilities: true });
      const told = await resized.segment(image, { probabilities: true, tile: SIDE });
      expect(own.probabilities).toEqual(told.probabilities);
      expect(own.mask).toEqual(told.mask);
    }
    expect(patches.fixedSize).toBeUndefined();
    await expect(patches.segment(testImage(75, 50), { tile: 64 })).rejects.toThrow(/the tile cannot be 64/);
    await expect(patches.run(testImage(75, 50), ['mask'])).rejects.toThrow(/takes tiles of 32×32/);
    await Promise.all([patches.close(), resized.close()]);
  });

  it('is scored at the size of the images, and its losses on tiles that cover them', async () => {
    const segmenter = await opened(card);
    const data = memoryDataset(card.classes, [[48, 20]]);
    const losses = [{ name: 'cross-entropy', weight: 1, loss: crossEntropy() }];
    const scored = await evaluate(segmenter, data, { losses });
    expect(await evaluate(segmenter, data, { losses, scoreAt: 'model' })).toEqual(scored);
    const sample = await data.get(0);
    const lossOf = async (x: number) => {
      const tile = sampleWindow(sample, { x, y: 0, width: SIDE, height: SIDE });
      const one = { ...data, length: 1, ids: ['tile'], get: () => Promise.resolve(tile) };
      return (await evaluate(segmenter, one, { losses })).loss!;
    };
    expect(scored.loss).toBeCloseTo(((await lossOf(0)) + (await lossOf(16))) / 2, 6);
    await segmenter.close();
  });
});
