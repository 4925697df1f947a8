import { flat } from '../../test/support/flat.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BCE_DICE, Discs, fingerprint, PlainNet, tinyLearner, TinyNet } from '../../test/training/tiny.js';
import type { Batch } from '../data/dataset.js';
import { PixelwiseError } from '../errors/index.js';
import type { Tensor } from '../graph/index.js';
import { exp, mul, sqrt, sub } from '../graph/index.js';
import { binaryCrossEntropy, boundaryCrossEntropy, Conv2d, Module, targetPlanes } from '../nn/index.js';
import { Adam, SGD } from '../optim/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { Learner } from './index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

const discs = new Discs({ count: 8, batchSize: 4 });
const batch = (...samples: number[]): Batch => discs.batchOf(samples);

async function using<T>(learner: Learner, body: (learner: Learner) => Promise<T>): Promise<T> {
  try {
    return await body(learner);
  } finally {
    await learner.close();
  }
}

describe('Learner', () => {
  it('gives the loss and its parts, the prediction, and logits where asked', () =>
    using(tinyLearner(runtime), async (learner) => {
      const output = await learner.evaluate(batch(0, 1), { logits: true });
      expect(output.loss).toBeCloseTo(0.7 * output.losses.bce! + 0.3 * output.losses.dice!, 6);
      expect(output.logits).toHaveLength(2 * 16 * 16);
      expect([...output.prediction]).toEqual([...output.logits!].map((logit) => (logit > 0 ? 1 : 0)));
      expect((await learner.evaluate(batch(0, 1))).logits).toBeUndefined();
    }));

  it('draws other dropout masks for every batch, the same for the same one', () =>
    using(tinyLearner(runtime), async (learner) => {
      const losses = [];
      for (let i = 0; i < 3; i++) losses.push((await learner.backward(batch(0, 1))).loss);
      expect(new Set(losses).size).toBe(3);
      learner.batches = 1;
      expect((await learner.backward(batch(0, 1))).loss).toBe(losses[1]);
    }));

  it('moves nothing when it evaluates', () =>
    using(tinyLearner(runtime), async (learner) => {
      await learner.backward(batch(0, 1));
      const before = fingerprint(learner);
      await learner.evaluate(batch(2, 3));
      expect(fingerprint(learner)).toEqual(before);
    }));

  it('keeps compiled graphs within its bound, and compiles those it had dropped again', () =>
    using(tinyLearner(runtime, { maxProgramBytes: 1 }), async (learner) => {
      const first = await learner.backward(batch(0, 1));
      await learner.backward(batch(0, 1, 2));
      learner.batches = 0;
      const again = await learner.backward(batch(0, 1));
      expect(again.loss).toBe(first.loss);
    }));

  it('needs something to learn', () => {
    const model = new TinyNet();
    model.freeze();
    expect(() => tinyLearner(runtime, { model })).toThrow(/all weights of the model are frozen: unfreeze/);
  });

  it('leaves the frozen part of a model alone, running statistics included', async () => {
    const model = new TinyNet();
    model.norm.freeze();
    await using(tinyLearner(runtime, { model }), async (learner) => {
      const before = learner.state.stateDict();
      await learner.backward(batch(0, 1));
      await learner.step();
      const moved = learner.state.stateDict().filter(({ name, data }) => {
        const old = before.find((tensor) => tensor.name === name)!;
        return data.some((value, i) => value !== old.data[i]);
      });
      expect(moved.map(({ name }) => name).sort()).toEqual([
        'first.weight',
        'head.bias',
        'head.weight',
        'second.bias',
        'second.weight',
      ]);
    });
  });
});

describe('frozen weights', () => {
  it('are those at compiling, until recompile', async () => {
    const model = new TinyNet();
    model.second.freeze();
    await using(tinyLearner(runtime, { model }), async (learner) => {
      const before = (await learner.evaluate(batch(0, 1))).loss;
      const frozen = learner.state.slots.find(({ name }) => name === 'second.weight')!;
      learner.state.values(frozen).fill(0.3);
      expect((await learner.evaluate(batch(0, 1))).loss).toBe(before);
      await learner.recompile();
      expect((await learner.evaluate(batch(0, 1))).loss).not.toBe(before);
    });
  });
});

describe('a batch that does not fit in memory', () => {
  const full = new PixelwiseError('memory', 'ONNX Runtime ran out of memory on cpu: std::bad_alloc');
  const message =
    /^A batch of 3×1×16×16 does not fit in memory; .* about 0\.000\d+ GiB: use a smaller --batch or --size, or --recompute convolutions\. \(.*bad_alloc\)$/;

  it('is told of where it runs', () => {
    const load = async (...args: Parameters<Runtime['load']>) => ({
      ...(await runtime.load(...args)),
      run: () => Promise.reject(full),
    });
    return using(tinyLearner({ ...runtime, load }), async (learner) => {
      await expect(learner.backward(batch(0, 1, 2))).rejects.toThrow(message);
      await expect(learner.evaluate(batch(0, 1, 2))).rejects.toThrow(message);
    });
  });

  it('is told of where it is compiled', () =>
    using(tinyLearner({ ...runtime, load: () => Promise.reject(full) }), async (learner) => {
      const preparing = learner.prepare(batch(0, 1, 2));
      await expect(preparing).rejects.toMatchObject({ code: 'memory', cause: full });
      await expect(preparing).rejects.toThrow(message);
    }));
});

/** Where the input is large, e to it is infinite. */
class Exploding extends Module {
  readonly stem = new Conv2d(1, 2, 1);
  readonly boom = new Boom();
  readonly head = new Conv2d(2, 1, 1);

  forward(x: Tensor): Tensor {
    return this.head.forward(this.boom.forward(this.stem.forward(x)));
  }
}

class Boom extends Module {
  forward(x: Tensor): Tensor {
    return exp(mul(x, 1e3));
  }
}

describe('a loss that is no number', () => {
  const message = async (learner: Learner, bad: Batch) => {
    const before = fingerprint(learner);
    const error: unknown = await learner.backward(bad).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'non-finite' });
    expect(fingerprint(learner)).toEqual(before);
    return (error as Error).message;
  };

  it('comes from an image: names it', () =>
    using(tinyLearner(runtime), async (learner) => {
      const bad = batch(4, 5, 6);
      bad.images[2 * 256 + 17] = NaN;
      expect(await message(learner, bad)).toMatch(
        /the loss became NaN: image "disc 6" holds .* Repair or remove/,
      );
    }));

  it('comes from a weight: names it', () =>
    using(tinyLearner(runtime), async (learner) => {
      learner.state.values(learner.state.slots.find((slot) => slot.name === 'second.bias')!)[1] = Infinity;
      expect(await message(learner, batch(0))).toMatch(/the weight second\.bias is no longer finite/);
    }));

  it('comes from a layer: names the first', () =>
    using(tinyLearner(runtime, { model: new Exploding() }), async (learner) => {
      expect(await message(learner, batch(0, 1))).toMatch(
        /the output of layer boom overflowed \(batch of disc 0, disc 1\)\. A lower learning rate/,
      );
    }));

  it('comes from a layer only in training: is found there', async () => {
    class OnlyInTraining extends Module {
      forward(x: Tensor): Tensor {
        return this.training ? sqrt(sub(mul(x, 0), 1)) : x;
      }
    }
    class Net extends PlainNet {
      readonly drop = new OnlyInTraining();
      override forward(x: Tensor): Tensor {
        return this.drop.forward(super.forward(x));
      }
    }
    await using(tinyLearner(runtime, { model: new Net() }), async (learner) => {
      expect(await message(learner, batch(0))).toMatch(/the output of layer drop overflowed/);
    });
  });

  it('comes from the loss itself: says so', () =>
    using(
      tinyLearner(runtime, {
        model: new PlainNet(),
        loss: (logits, target) => mul(binaryCrossEntropy()(logits, target), Infinity),
      }),
      async (learner) => {
        expect(await message(learner, batch(0))).toMatch(
          /every layer's output is finite, so the loss itself/,
        );
      },
    ));
});

describe('gradients that are no numbers', () => {
  it('leave the weights as they are and name the one nearest to the loss', () =>
    using(
      tinyLearner(runtime, {
        // √0 has an infinite slope.
        loss: (logits, target) => {
          const { valid } = targetPlanes(logits, target);
          return mul(sqrt(mul(BCE_DICE[0]!.loss(mul(logits, mul(valid, 0)), target), 0)), 1);
        },
        optimizer: (parameters) => new SGD(parameters, { lr: 1 }),
      }),
      async (learner) => {
        const output = await learner.backward(batch(0, 1, 2, 3, 4, 5));
        expect(output.loss).toBe(0);
        const before = fingerprint(learner);
        await expect(learner.step()).rejects.toThrow(
          /the gradient of head\.bias is no longer finite \(batch of disc 0, disc 1, disc 2, disc 3 and 2 more\); the weights are as before/,
        );
        expect(fingerprint(learner)).toEqual(before);
      },
    ));

  it('are caught at the end of an epoch at the latest, before a checkpoint is written', () =>
    using(tinyLearner(runtime, { optimizer: (p) => new Adam(p) }), async (learner) => {
      learner.checkWeights();
      learner.state.values(learner.state.slots.find((slot) => slot.name === 'norm.running_var')!)[0] = NaN;
      expect(() => learner.checkWeights()).toThrow(
        /norm\.running_var is no longer finite: .* last checkpoint/,
      );
    }));
});

describe('a loss that the host has a part in', () => {
  it('is fed its map, in training and in evaluation', () =>
    using(tinyLearner(runtime, { model: new PlainNet(), loss: boundaryCrossEntropy() }), async (learner) => {
      // Two objects four pixels apart on an empty picture: what lies between them counts more.
      const between = batch(0, 1);
      between.masks.fill(0);
      between.masks[5 * 16 + 5] = 1;
      between.masks[5 * 16 + 9] = 1;
      const { loss } = await learner.evaluate(between);
      const plain = tinyLearner(runtime, { model: new PlainNet(), loss: binaryCrossEntropy() });
      expect(loss).toBeGreaterThan((await plain.evaluate(between)).loss * 1.1);
      await plain.close();
      expect((await learner.backward(between)).loss).toBe(loss);
      expect(flat(learner.gradients).some((g) => g !== 0)).toBe(true);
    }));
});
