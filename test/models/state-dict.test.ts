/** A model's values outside of training: PyTorch weights read into a module, run on arrays, trained, saved. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import golden from '../golden/tiny-unet.json' with { type: 'json' };
import type { Tensor } from '../../src/graph/index.js';
import { concat, maxPool2d, relu } from '../../src/graph/index.js';
import {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  crossEntropy,
  Dropout,
  Module,
  run,
  Sequential,
} from '../../src/nn/index.js';
import { SGD } from '../../src/optim/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import { Learner } from '../../src/training/index.js';
import { readWeights } from '../../src/weights/index.js';

class Block extends Module {
  readonly conv: Conv2d;
  readonly norm: BatchNorm2d;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.conv = new Conv2d(inChannels, outChannels, 3, { padding: 1, bias: false });
    this.norm = new BatchNorm2d(outChannels);
  }

  forward(x: Tensor): Tensor {
    return relu(this.norm.forward(this.conv.forward(x)));
  }
}

/** The model of test/golden/tiny_unet.py. */
class TinyUNet extends Module {
  readonly down = new Sequential(new Block(1, 4), new Block(4, 4));
  readonly bottom = new Block(4, 8);
  readonly up = new ConvTranspose2d(8, 4, 2, { stride: 2 });
  readonly decode = new Block(8, 4);
  readonly head = new Conv2d(4, 2, 1);

  forward(x: Tensor): Tensor {
    const fine = this.down.forward(x);
    const coarse = this.bottom.forward(maxPool2d(fine, 2));
    return this.head.forward(this.decode.forward(concat([fine, this.up.forward(coarse)], 1)));
  }
}

const WEIGHTS = 'test/golden/weights/tiny-unet.pth';
const image = { shape: [1, 1, 6, 8], data: Float32Array.from(golden.image) };

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

const train = async (model: TinyUNet, seed = 1) => {
  const learner = new Learner({
    model,
    loss: crossEntropy(),
    optimizer: (parameters) => new SGD(parameters, { lr: 0.1 }),
    runtime,
    seed,
  });
  const start = learner.state.stateDict();
  const target = Uint8Array.from(image.data, (value) => (value > 0 ? 1 : 0));
  await learner.backward({
    ids: ['a'],
    images: image.data.slice(),
    masks: target,
    size: 1,
    channels: 1,
    height: 6,
    width: 8,
  });
  await learner.step();
  return { learner, start };
};

it('gives PyTorch’s logits from a .pth file of a PyTorch model', async () => {
  const model = new TinyUNet().loadStateDict(await readWeights(WEIGHTS));
  const logits = await run(model, image, runtime);
  expect(logits.shape).toEqual(golden.shape);
  logits.data.forEach((value, i) => expect(value).toBeCloseTo(golden.logits[i]!, 5));
  expect(model.training).toBe(true);
});

describe('a model’s values', () => {
  it('are those that were loaded, for the whole and for its parts', async () => {
    const { source, floats } = await readWeights(WEIGHTS);
    const model = new TinyUNet().loadStateDict(floats(), source);
    const values = new Map(model.stateDict().map(({ name, data }) => [name, data]));
    for (const { name, data } of floats()) expect(values.get(name)).toEqual(data);
    const part = new Block(4, 8).loadStateDict(model.bottom.stateDict());
    expect(part.stateDict()[0]!.data).toEqual(values.get('bottom.conv.weight'));
    model.bottom.loadStateDict(new Block(4, 8).stateDict());
    expect(model.stateDict().find(({ name }) => name === 'bottom.conv.weight')!.data).not.toEqual(
      values.get('bottom.conv.weight'),
    );
  });

  it('are what a learner starts from, whatever its seed, and those it has learned', async () => {
    const model = new TinyUNet().loadStateDict(await readWeights(WEIGHTS));
    const loaded = model.stateDict();
    const { learner, start } = await train(model, 7);
    expect(start).toEqual(loaded);
    expect(model.stateDict()).toEqual(learner.state.stateDict());
    expect(model.stateDict()).not.toEqual(loaded);
    const before = await run(new TinyUNet().loadStateDict(loaded), image, runtime);
    expect((await run(model, image, runtime)).data).not.toEqual(before.data);
    // The same seed gives the same run: another learner starts where the first did.
    expect((await train(model)).start).toEqual(loaded);
    expect((await train(model.loadStateDict(model.stateDict()))).start).not.toEqual(loaded);
  });

  it('are drawn for seed 0 where none were loaded', async () => {
    const { start } = await train(new TinyUNet(), 0);
    expect(new TinyUNet().stateDict()).toEqual(start);
  });
});

it('refuses weights that do not fit, naming the file and all that is wrong', async () => {
  const weights = await readWeights(WEIGHTS);
  expect(() => new Block(4, 8).loadStateDict(weights)).toThrow(
    /tiny-unet\.pth does not fit the model:\n {2}missing: conv\.weight \(8×4×3×3\)/,
  );
});

it('runs in evaluation mode and restores the mode of every part', async () => {
  class Net extends Module {
    readonly drop = new Dropout(0.5);
    readonly norm = new BatchNorm2d(1).freeze();

    forward(a: Tensor, b: Tensor): Tensor {
      return concat([this.drop.forward(a), this.norm.forward(b)], 1);
    }
  }
  const net = new Net();
  const one = { shape: [1, 1, 1, 2], data: Float32Array.of(1, 2) };
  const { data, shape } = await run(net, [one, one], runtime);
  expect(shape).toEqual([1, 2, 1, 2]);
  [1, 2, 1, 2].forEach((value, i) => expect(data[i]).toBeCloseTo(value, 4));
  expect([net.training, net.drop.training, net.norm.training]).toEqual([true, true, false]);
});
