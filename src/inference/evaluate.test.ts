import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryDataset } from '../../test/inference/memory-dataset.js';
import { tinyCard, tinyUNet } from '../../test/inference/tiny-model.js';
import { Loader, stretch } from '../data/index.js';
import type { MasksToScore } from '../metrics/index.js';
import { ConfusionMatrix, iou, meanIoU, OUTLINE_METRICS, softDice } from '../metrics/index.js';
import { binaryCrossEntropy, crossEntropy, dice } from '../nn/index.js';
import type { LossTerm } from '../nn/index.js';
import { encodeModel } from '../onnx/index.js';
import type { Runtime } from '../runtime/index.js';
import { Program, viewOf } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { evaluationGraph } from '../training/index.js';
import { chooseThreshold, evaluate } from './evaluate.js';
import { exportGraph } from './export-graph.js';
import { Segmenter } from './segmenter.js';

const SIZES = [
  [40, 52],
  [77, 30],
  [32, 32],
] as const;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ threads: 1 });
});
afterAll(() => runtime.close());

async function opened(classes: number, seed: number) {
  const card = tinyCard(classes);
  const { model, state } = tinyUNet(card, seed);
  const segmenter = await Segmenter.load(encodeModel(exportGraph(model, state, card)), { runtime });
  return { card, model, state, segmenter, data: memoryDataset(card.classes, SIZES) };
}

describe('evaluate', () => {
  it.each([
    [['fore', 'back'], ['back', 'fore'], /The order differs/],
    [['background', 'foreground'], ['foreground', 'background'], /The order differs/],
    [['background', 'cell'], ['background', 'lesion'], /Class 1 is "cell".*"lesion"/],
    [['background', 'cell'], ['background', 'foreground'], undefined],
    [['background', 'foreground'], ['sky', 'bird'], undefined],
  ])('compares the classes %j of the model with %j', async (ours, theirs, error) => {
    const card = { ...tinyCard(2), classes: ours };
    const { model, state } = tinyUNet(card, 1);
    const segmenter = await Segmenter.load(encodeModel(exportGraph(model, state, card)), { runtime });
    const scored = evaluate(segmenter, memoryDataset(theirs, [[8, 8]]));
    if (error) await expect(scored).rejects.toThrow(error);
    else expect((await scored).samples).toBe(1);
    await segmenter.close();
  });

  it('scores masks at the size of the images', async () => {
    const { segmenter, data } = await opened(3, 9);
    const counts = new ConfusionMatrix(3);
    const own: ConfusionMatrix[] = [];
    for (let i = 0; i < data.length; i++) {
      const { image, mask } = await data.get(i);
      own.push(new ConfusionMatrix(3).add((await segmenter.segment(image)).mask.data, mask.data));
      counts.merge(own[i]!);
    }
    const progress: number[] = [];
    const result = await evaluate(segmenter, data, { onProgress: (done) => progress.push(done) });
    expect(progress).toEqual([1, 2, 3]);
    expect(result.samples).toBe(3);
    expect(result.classes.map((c) => c.name)).toEqual(['background', 'class 1', 'class 2']);
    expect(result.classes.map((c) => c.iou)).toEqual([0, 1, 2].map((k) => iou(counts.of(k))));
    expect(result.perSample.map(({ id }) => id)).toEqual(data.ids);
    const alone = await evaluate(segmenter, data, { indices: [2] });
    expect(alone.meanIoU).toBe(result.perSample[2]!.meanIoU);
    expect(alone.loss).toBeUndefined();
    await segmenter.close();
  });

  it('adds scores of outlines and of the user to each sample and to the means', async () => {
    const { segmenter, data } = await opened(3, 9);
    const metrics = {
      ...OUTLINE_METRICS,
      rows: ({ height, width, classes }: MasksToScore) => (width === 40 ? null : height + classes.length),
    };
    const result = await evaluate(segmenter, data, { metrics });
    expect(result.metrics!.rows).toBe((30 + 32) / 2 + 2);
    expect(result.perSample.map((scores) => scores.metrics!.rows)).toEqual([null, 32, 34]);
    const rims = result.perSample.map((scores) => scores.metrics!.boundaryIoU!);
    expect(result.metrics!.boundaryIoU).toBeCloseTo(rims.reduce((a, b) => a + b) / 3, 12);
    await segmenter.close();
  });

  it('scores cleaned masks, and passes them to onSample', async () => {
    const { segmenter, data, card } = await opened(3, 9);
    const clean = { keepLargest: true, minArea: 3, fillHoles: true };
    const seen: number[] = [];
    const result = await evaluate(segmenter, data, {
      ...clean,
      probabilities: true,
      onSample: async ({ index, sample, prediction, probabilities, scores }) => {
        const expected = await segmenter.segment(sample.image, { ...clean, probabilities: true });
        expect(prediction).toEqual(expected.mask);
        expect(probabilities).toEqual(expected.probabilities);
        const counts = new ConfusionMatrix(3).add(prediction.data, sample.mask.data);
        expect(scores.meanIoU).toBe(meanIoU(counts));
        seen.push(index);
      },
    });
    expect(seen).toEqual([0, 1, 2]);
    expect(result.meanIoU).not.toBe((await evaluate(segmenter, data)).meanIoU);
    const tiled = await evaluate(segmenter, data, { ...clean, tile: 32 });
    expect(tiled.classes.map(({ name }) => name)).toEqual(card.classes);
    await expect(evaluate(segmenter, data, { minArea: -1 })).rejects.toThrow(/-1/);
    await expect(evaluate(segmenter, data, { probabilities: true, scoreAt: 'model' })).rejects.toThrow(
      /use scoreAt "source"/,
    );
    await segmenter.close();
  });

  it.each([
    [
      2,
      [
        { name: 'bce', weight: 1, loss: binaryCrossEntropy() },
        { name: 'dice', weight: 0.5, loss: dice() },
      ],
    ],
    [3, [{ name: 'cross-entropy', weight: 1, loss: crossEntropy() }]],
  ] as const)(
    'at the model’s size: as training scores %i classes',
    async (classes, terms: readonly LossTerm[]) => {
      const { card, model, state, segmenter, data } = await opened(classes, classes === 2 ? 7 : 9);
      const loader = new Loader({
        dataset: data,
        batchSize: 1,
        fit: stretch(32),
        normalization: card.normalization,
      });
      const { definition } = evaluationGraph(model, terms, { size: 1, channels: 3, height: 32, width: 32 });
      const program = await Program.compile(definition, runtime);
      const counts = new ConfusionMatrix(classes);
      const losses: number[] = [];
      for await (const { images, masks } of loader.epoch(0)) {
        const truth = masks.slice();
        const feeds = { images: viewOf(images), target: viewOf(masks), ...state.feeds() };
        const output = await program.run(feeds);
        counts.add(Uint8Array.from(output.prediction as Uint8Array), truth);
        losses.push(Number(output.loss![0]));
      }
      await program.release();
      const result = await evaluate(segmenter, data, { scoreAt: 'model', losses: terms });
      expect(result.classes.map((c) => c.iou)).toEqual(card.classes.map((_, k) => iou(counts.of(k))));
      result.perSample.forEach(({ loss }, i) => expect(loss).toBeCloseTo(losses[i]!, 4));
      expect(result.loss).toBeCloseTo(losses.reduce((a, b) => a + b) / 3, 4);
      expect(Object.keys(result.losses!)).toEqual(terms.length > 1 ? ['bce', 'dice'] : []);
      // Losses are computed at the model's size even if masks are compared at the images' size.
      const atSource = await evaluate(segmenter, data, { losses: terms });
      expect(atSource.loss).toBeCloseTo(result.loss!, 6);
      await segmenter.close();
    },
  );

  it('computes the soft Dice over batches of samples', async () => {
    const { segmenter, data } = await opened(2, 7);
    const parts: { p: number[]; t: number[] }[] = [];
    for (let i = 0; i < 3; i++) {
      const { image, mask } = await data.get(i);
      const { probabilities } = await segmenter.segment(image, { probabilities: true });
      parts.push({ p: [...probabilities!.data.subarray(mask.data.length)], t: [...mask.data] });
    }
    const soft = (...of: readonly number[]) =>
      softDice(
        Float32Array.from(of.flatMap((i) => parts[i]!.p)),
        Uint8Array.from(of.flatMap((i) => parts[i]!.t)),
        { smooth: 1 },
      );
    const one = await evaluate(segmenter, data);
    expect(one.softDice).toBeCloseTo((soft(0) + soft(1) + soft(2)) / 3, 6);
    const two = await evaluate(segmenter, data, { batch: 2 });
    expect(two.softDice).toBeCloseTo((soft(0, 1) + soft(2)) / 2, 6);
    await segmenter.close();
  });

  it('pools groups, and uses another threshold', async () => {
    const { segmenter, data } = await opened(2, 7);
    const result = await evaluate(segmenter, { ...data, groups: ['a', 'b', 'a'] });
    expect(result.groups!.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(result.meanGroupDice).toBeCloseTo((result.groups![0]!.dice! + result.groups![1]!.dice!) / 2, 9);
    const none = await evaluate(segmenter, data, { threshold: 1 });
    expect(none.dice).toBe(0);
    const atModel = await evaluate(segmenter, data, { threshold: 1, scoreAt: 'model' });
    expect(atModel.dice).toBe(0);
    await segmenter.close();
  });

  it('chooses the threshold with the best Dice', async () => {
    const { segmenter, data } = await opened(2, 7);
    const best = await chooseThreshold(segmenter, data);
    const reached = await evaluate(segmenter, data, { threshold: best!.threshold });
    expect(reached.dice).toBeCloseTo(best!.dice, 9);
    for (const threshold of [0.1, 0.5, 0.9]) {
      expect((await evaluate(segmenter, data, { threshold })).dice!).toBeLessThanOrEqual(best!.dice);
    }
    await segmenter.close();
  });

  it('rejects data with other classes, and stops when aborted', async () => {
    const { segmenter, data } = await opened(3, 9);
    await expect(evaluate(segmenter, memoryDataset(['a', 'b'], SIZES))).rejects.toThrow(
      /has 3 classes .*has 2/,
    );
    await expect(chooseThreshold(segmenter, data)).rejects.toThrow(/with two classes/);
    const stop = new AbortController();
    const work = evaluate(segmenter, data, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(work).rejects.toThrow('enough');
    await segmenter.close();
  });
});
