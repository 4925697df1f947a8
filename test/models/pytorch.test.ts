/** Models and losses against PyTorch: from the same weights and batch, everything a training step gives. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Leaf, Tensor } from '../../src/graph/index.js';
import { gradients, input } from '../../src/graph/index.js';
import { UNet } from '../../src/models/index.js';
import type { Layer, Loss } from '../../src/nn/index.js';
import { binaryCrossEntropy, crossEntropy, dice, ModelState, traceModel } from '../../src/nn/index.js';
import type { Runtime, View } from '../../src/runtime/index.js';
import { Program, viewOf } from '../../src/runtime/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import type { Deviation, GoldenCase } from './golden.js';
import { deviation, fill, image, mask, readGolden } from './golden.js';

const MODELS: Readonly<Record<string, (options: object) => Layer>> = {
  unet: (options) => new UNet(options),
};

const LOSSES: Readonly<Record<string, (options?: object) => Loss>> = {
  bce: binaryCrossEntropy,
  'cross-entropy': crossEntropy,
  dice,
};

interface Forward {
  readonly logits: Tensor;
  /** What the loss is differentiated for, by the names of the references. */
  readonly learnt: Readonly<Record<string, Tensor>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly leaves: readonly Leaf[];
  readonly feeds: Readonly<Record<string, View>>;
}

function runModel(test: GoldenCase, images: Leaf): Forward {
  const model = MODELS[test.model!]!(test.options ?? {});
  const state = new ModelState(model);
  for (const slot of state.slots) state.values(slot).set(fill(slot.name, slot.leaf.shape));
  model.train(test.mode === 'train');
  const { output, updates } = traceModel(model, images);
  return {
    logits: output,
    learnt: Object.fromEntries(state.trainable.map(({ name, leaf }) => [`gradient:${name}`, leaf])),
    outputs: {
      output,
      ...Object.fromEntries([...updates].map(([buffer, value]) => [`buffer:${buffer.name}`, value])),
    },
    leaves: state.slots.map(({ leaf }) => leaf),
    feeds: state.feeds(),
  };
}

async function deviations(test: GoldenCase, runtime: Runtime): Promise<Deviation[]> {
  const images = input('image', test.input);
  const forward: Forward = test.model
    ? runModel(test, images)
    : { logits: images, learnt: { 'gradient:image': images }, outputs: {}, leaves: [], feeds: {} };
  const { logits, learnt, leaves, feeds } = forward;
  const [n, channels, h, w] = logits.shape as [number, number, number, number];
  const target = input('target', [n, h, w], 'uint8');
  const loss = LOSSES[test.loss]!(test.lossOptions)(logits, target);
  const slopes = gradients(loss, Object.values(learnt));
  const outputs = {
    loss,
    ...forward.outputs,
    ...Object.fromEntries(Object.keys(learnt).map((name, i) => [name, slopes[i]!])),
  };
  expect(Object.keys(outputs).sort()).toEqual(test.references.map(({ name }) => name).sort());
  const program = await Program.compile({ inputs: [images, target, ...leaves], outputs }, runtime);
  const results = await program.run({
    image: viewOf(image(test.input)),
    target: viewOf(mask([n, h, w], Math.max(channels, 2), test.mask)),
    ...feeds,
  });
  await program.release();
  return test.references.map((reference) =>
    deviation(results[reference.name] as ArrayLike<number>, reference),
  );
}

describe('as PyTorch', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createNodeRuntime({ worker: false, threads: 1 });
  });
  afterAll(() => runtime.close());

  it.each(readGolden().map((test) => [test.name, test] as const))('%s', async (_, test) => {
    const off = (await deviations(test, runtime)).filter(({ error, bound }) => !(error <= bound));
    expect(off).toEqual([]);
  });
});
