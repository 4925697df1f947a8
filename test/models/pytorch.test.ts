/** Models and losses against PyTorch: from the same weights and batch, everything a training step gives. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Leaf, Tensor } from '../../src/graph/index.js';
import {
  constant,
  gradients,
  input,
  maxPool2dWithIndices,
  maxUnpool2d,
  mul,
  sum,
} from '../../src/graph/index.js';
import { DeepLabV3Plus, MobileNetUNet, MobileNetV2, ResNet, SegNet, UNet } from '../../src/models/index.js';
import type { Layer, Loss } from '../../src/nn/index.js';
import { binaryCrossEntropy, crossEntropy, dice, ModelState, traceModel } from '../../src/nn/index.js';
import type { Runtime, View } from '../../src/runtime/index.js';
import { Program, viewOf } from '../../src/runtime/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import type { Deviation, GoldenCase } from './golden.js';
import { deviation, fill, image, mask, projection, readGolden } from './golden.js';

const MODELS: Readonly<Record<string, (options: object) => Layer>> = {
  unet: (options) => new UNet(options),
  segnet: (options) => new SegNet(options),
  'mobilenet-v2': (options) => new MobileNetV2({ dropout: 0, ...options }),
  resnet18: (options) => new ResNet({ depth: 18, ...options }),
  deeplabv3plus: (options) => new DeepLabV3Plus(options),
  'mobilenet-unet': (options) => new MobileNetUNet(options),
};

const projected: Loss = (result) => sum(mul(result, constant(projection(result.shape), result.shape)));

/** Pools, squares, and puts values back where they were. */
const unpooled: Loss = (x, target) => {
  const { values, indices } = maxPool2dWithIndices(x, 2);
  return projected(
    maxUnpool2d(mul(values, values), indices, 2, { size: [x.shape[2]!, x.shape[3]!] }),
    target,
  );
};

const LOSSES: Readonly<Record<string, (options?: object) => Loss>> = {
  bce: binaryCrossEntropy,
  'cross-entropy': crossEntropy,
  dice,
  projection: () => projected,
  unpooled: () => unpooled,
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
  const [n, channels, h = 1, w = 1] = logits.shape as [number, number, number?, number?];
  const target = input('target', [n, h, w], 'uint8');
  const loss = LOSSES[test.loss]!(test.lossOptions)(logits, target);
  const slopes = gradients(loss, Object.values(learnt));
  const outputs = {
    loss,
    ...forward.outputs,
    ...Object.fromEntries(Object.keys(learnt).map((name, i) => [name, slopes[i]!])),
  };
  expect(Object.keys(outputs).sort()).toEqual(test.references.map(({ name }) => name).sort());
  const inputs = [images, target, ...leaves];
  const program = await Program.compile({ inputs, outputs }, runtime);
  const results = await program.run({
    image: viewOf(image(test.input, test.image)),
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
