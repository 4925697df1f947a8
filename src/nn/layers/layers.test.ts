import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mul } from '../../graph/index.js';
import { binaryCrossEntropy, BatchNorm2d, Conv2d, Dropout, Module } from '../index.js';
import type { Layer } from '../index.js';
import type { Tensor } from '../../graph/index.js';
import { input } from '../../graph/index.js';
import { Random } from '../../random/index.js';
import type { Runtime } from '../../runtime/index.js';
import { Program, viewOf } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import { ModelState, traceModel } from '../index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

/** Runs a model in training mode once, and returns its result and the new values of its buffers. */
async function run(model: Layer, data: Float32Array, shape: readonly number[], seed = 1) {
  const x = input('x', shape);
  const { output, masks, updates } = traceModel(model, x);
  const state = ModelState.initialize(model, 1);
  const leaves = [...state.slots, ...masks].map(({ leaf }) => leaf);
  const outputs = {
    output,
    ...Object.fromEntries([...updates].map(([buffer, value]) => [`new ${buffer.name}`, value])),
  };
  const program = await Program.compile({ inputs: [x, ...leaves], outputs }, runtime);
  const drawn = masks.map(({ leaf, keep }, i) => {
    const bits = new Uint8Array(leaf.size);
    new Random(seed, 'dropout', i).fillBernoulli(bits, keep);
    return [leaf.name, viewOf(bits)] as const;
  });
  const results = await program.run({
    x: viewOf(data.slice()),
    ...state.feeds(),
    ...Object.fromEntries(drawn),
  });
  await program.release();
  return results as Record<string, Float32Array>;
}

describe('Dropout', () => {
  it.each([0.1, 0.5, 0.6])('of %f drops its share and keeps the mean', async (p) => {
    const size = 4 * 16 * 32 * 32;
    const { output } = await run(new Dropout(p), new Float32Array(size).fill(2), [4, 16, 32, 32]);
    const kept = output!.filter((value) => value !== 0);
    expect(Math.abs(kept.length / size - (1 - p))).toBeLessThan(0.01);
    expect(new Set(kept)).toEqual(new Set([Math.fround(2 * Math.fround(1 / (1 - p)))]));
    const mean = output!.reduce((sum, value) => sum + value, 0) / size;
    expect(Math.abs(mean - 2)).toBeLessThan(0.04);
    // No plane, row or sample fares better than another.
    for (let n = 0; n < 4; n++) {
      const part = output!.subarray((n * size) / 4, ((n + 1) * size) / 4).filter((value) => value !== 0);
      expect(Math.abs(part.length / (size / 4) - (1 - p))).toBeLessThan(0.02);
    }
  });

  it('does nothing in evaluation', async () => {
    const data = Float32Array.from({ length: 12 }, (_, i) => i);
    class Net extends Module {
      readonly drop = new Dropout(0.5);
      forward(x: Tensor): Tensor {
        return mul(this.drop.forward(x), 1);
      }
    }
    const { output } = await run(new Net().eval(), data, [1, 3, 2, 2]);
    expect(output).toEqual(data);
  });
});

describe('BatchNorm2d', () => {
  it('normalises by the batch, and its running statistics follow, the variance unbiased', async () => {
    const random = new Random(3);
    const data = Float32Array.from({ length: 2 * 2 * 3 * 3 }, () => random.normal() * 3 + 1);
    const results = await run(new BatchNorm2d(2, { momentum: 0.25 }), data, [2, 2, 3, 3]);
    for (let c = 0; c < 2; c++) {
      const of = (values: Float32Array) =>
        [0, 1].flatMap((n) => [...values.subarray((2 * n + c) * 9, (2 * n + c + 1) * 9)]);
      const mean = of(data).reduce((a, b) => a + b) / 18;
      const squares = of(data).reduce((a, b) => a + (b - mean) ** 2, 0);
      expect(results['new running_mean']![c]).toBeCloseTo(0.25 * mean, 5);
      expect(results['new running_var']![c]).toBeCloseTo(0.75 + (0.25 * squares) / 17, 4);
      of(results.output!).forEach((value, i) => {
        expect(value).toBeCloseTo((of(data)[i]! - mean) / Math.sqrt(squares / 18 + 1e-5), 4);
      });
    }
  });
});

it('a loss of one’s own is an expression of tensors', () => {
  const x = input('x', [2, 1, 4, 4]);
  const target = input('t', [2, 4, 4], 'uint8');
  const halved = (logits: Tensor, t: Tensor) => mul(binaryCrossEntropy()(logits, t), 0.5);
  expect(halved(new Conv2d(1, 1, 3, { padding: 1 }).forward(x), target).size).toBe(1);
});
