import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testImage, tinyCard, tinyUNet } from '../../test/inference/tiny-model.js';
import { ModelState } from '../nn/index.js';
import type { Runtime } from '../runtime/index.js';
import { classOfOutputs, energyOfOutputs } from '../objects/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { ensembleModel } from './ensemble.js';
import { exportGraph } from './export-graph.js';
import type { ModelCard } from './model-card.js';
import { RasterSegmenter } from './raster-segmenter.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1, training: false });
});
afterAll(() => runtime.close());

/** A model of its own weights for each card. */
const exported = (card: ModelCard, seed: number) => {
  const { model } = tinyUNet(card);
  return exportGraph(model, ModelState.initialize(model, seed), card);
};

describe('ensembleModel', () => {
  it.each([2, 3])('averages probabilities as by hand, with %i classes', async (classes) => {
    const first: ModelCard = { ...tinyCard(classes), ...(classes === 2 && { threshold: 0.4 }) };
    const fixed = first.normalization as Extract<ModelCard['normalization'], { kind: 'fixed' }>;
    const cards: ModelCard[] = [
      first,
      { ...first, ...(classes === 2 && { threshold: 0.6 }) },
      {
        ...first,
        height: first.height + 8,
        width: first.width + 16,
        normalization: { ...fixed, mean: fixed.mean.map((m) => m + 0.2) },
        ...(classes === 2 && { threshold: 0.5 }),
      },
    ];
    const files = cards.map((card, i) => exported(card, i));
    const names = ['a', 'b', 'c'];
    const members = files.map((file, i) => new RasterSegmenter(file, runtime, names[i]!));
    const together = new RasterSegmenter(ensembleModel(files, names), runtime, 'a + b + c');
    expect(together.card.threshold).toBe(classes === 2 ? 0.5 : undefined);
    const channels = classes === 2 ? 1 : classes;
    expect(together.logitChannels).toBe(channels);
    const image = testImage(37, 29);
    const one = async (segmenter: RasterSegmenter) =>
      (await segmenter.segment(image, { probabilities: true })).probabilities!.data;
    const [p, q, r] = [await one(members[0]!), await one(members[1]!), await one(members[2]!)];
    const mean = p.map((value, i) => (value + q[i]! + r[i]!) / 3);
    const { mask, probabilities } = await together.segment(image, { probabilities: true });
    const pixels = 37 * 29;
    const apart = mean.map((value, i) => Math.abs(probabilities!.data[i]! - value));
    expect(Math.max(...apart)).toBeLessThan(1e-6);
    const wrong = mask.data.filter((value, i) => {
      const all = Array.from({ length: classes }, (_, k) => mean[k * pixels + i]!);
      const clear = classes === 2 ? Math.abs(all[1]! - 0.5) > 1e-6 : true;
      return clear && value !== (classes === 2 ? Number(all[1]! >= 0.5) : all.indexOf(Math.max(...all)));
    });
    expect(wrong).toHaveLength(0);
    const { logits, scores } = await together.run(image, ['logits', 'scores']);
    const plane = first.height * first.width;
    const last = scores!.length - plane;
    for (const i of [0, 7, plane - 1]) {
      const powers = Array.from({ length: channels }, (_, k) => Math.exp(logits![k * plane + i]!));
      const sum = powers.reduce((a, b) => a + b, channels === 1 ? 1 : 0);
      expect(powers.at(-1)! / sum).toBeCloseTo(scores![last + i]!, 5);
    }
    const tiled = await together.segment(image, { tile: 24, tta: true });
    expect(tiled.mask.data).toHaveLength(pixels);
    await Promise.all([...members, together].map((each) => each.close()));
  });

  it.each([2, 3])('averages models that tell objects apart, with %i classes', async (classes) => {
    const levels = classOfOutputs(classes).length;
    const plain = tinyCard(classes);
    const options = { ...plain.model.options, classes: levels };
    const first: ModelCard = { ...plain, objects: true, model: { ...plain.model, options } };
    const cards = [first, { ...first, height: first.height + 8, width: first.width + 16 }];
    const files = cards.map((card, i) => exported(card, i));
    const members = files.map((file, i) => new RasterSegmenter(file, runtime, `member ${i}`));
    const together = new RasterSegmenter(ensembleModel(files, ['a', 'b']), runtime, 'a + b');
    const image = testImage(41, 35);
    const wanted = ['probabilities', 'separation'] as const;
    const [p, q] = [await members[0]!.run(image, wanted), await members[1]!.run(image, wanted)];
    const both = await together.run(image, wanted);
    for (const name of wanted) {
      const apart = both[name]!.map((value, i) => Math.abs(value - (p[name]![i]! + q[name]![i]!) / 2));
      expect(Math.max(...apart)).toBeLessThan(1e-6);
    }
    // The logits, for the losses, are those of the mean at the model's size.
    const { logits, scores } = await together.run(image, ['logits', 'scores']);
    const plane = first.height * first.width;
    expect(logits).toHaveLength(levels * plane);
    const energy = energyOfOutputs(classes).reduce(
      (sum, level, k) => sum + level * Math.exp(logits![k * plane + 100]!),
      0,
    );
    expect(scores!.at(-plane + 100)).toBeCloseTo(energy, 5);
    const segmented = await together.segment(image, { minArea: 1 });
    expect(segmented.objects?.classes.length).toBeGreaterThan(0);
    await Promise.all([...members, together].map((each) => each.close()));
  });

  it('refuses models that cannot be averaged', () => {
    const two = tinyCard(2);
    const files = [exported(two, 0), exported({ ...two, classes: ['background', 'other'] }, 1)];
    expect(() => ensembleModel(files, ['a', 'b'])).toThrow(
      /a and b cannot be averaged: a has the classes .*, b the classes background, other/,
    );
    const patches = exported({ ...two, patch: { scale: 1 } }, 1);
    expect(() => ensembleModel([files[0]!, patches], ['a', 'b'])).toThrow(/a and b cannot be averaged/);
    const three = tinyCard(3);
    const sets = [exported(three, 0), exported({ ...three, multiLabel: true }, 1)];
    expect(() => ensembleModel(sets, ['a', 'b'])).toThrow(
      /classes that exclude each other, b classes that overlap/,
    );
    const levels = { ...two, model: { ...two.model, options: { ...two.model.options, classes: 4 } } };
    const objects = exported({ ...levels, objects: true }, 1);
    expect(() => ensembleModel([files[0]!, objects], ['a', 'b'])).toThrow(
      /a model that finds classes only, b a model that tells objects apart/,
    );
  });
});
