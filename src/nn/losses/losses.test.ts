import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../errors/index.js';
import type { Shape } from '../../graph/index.js';
import { gradients, input, reshape } from '../../graph/index.js';
import { Random } from '../../random/index.js';
import { Program } from '../../runtime/index.js';
import type { Runtime } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import type { Loss } from './index.js';
import {
  binaryCrossEntropy,
  crossEntropy,
  dice,
  focal,
  IGNORE_INDEX,
  lovaszHinge,
  lovaszSoftmax,
  parseLosses,
  sumOfLosses,
} from './index.js';

// Values and gradients against PyTorch's: see test/models.

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

async function evaluate(loss: Loss, shape: Shape, logits: readonly number[], target: readonly number[]) {
  const x = input('logits', shape);
  const t = input('target', [shape[0]!, shape[2]!, shape[3]!], 'uint8');
  const value = loss(x, t);
  const outputs = { value: reshape(value, []), gradient: gradients(value, [x])[0]! };
  const program = await Program.compile({ inputs: [x, t], outputs }, runtime);
  const results = await program.evaluate({
    logits: Float32Array.from(logits),
    target: Uint8Array.from(target),
  });
  await program.release();
  return { value: Number(results.value![0]), gradient: [...(results.gradient as Float32Array)] };
}

const ONE: Shape = [1, 1, 1, 3];
const TWO: Shape = [1, 2, 1, 2];

describe('label smoothing', () => {
  it('of bce is that of cross-entropy with logits 0 and x', async () => {
    const [bce] = parseLosses('bce', { labelSmoothing: 0.2 });
    const [both] = parseLosses('cross-entropy', { labelSmoothing: 0.2 });
    const one = await evaluate(bce!.loss, ONE, [0.3, -1.2, 2], [1, 0, 255]);
    const two = await evaluate(both!.loss, [1, 2, 1, 3], [0, 0, 0, 0.3, -1.2, 2], [1, 0, 255]);
    expect(one.value).toBeCloseTo(two.value, 6);
    one.gradient.forEach((g, i) => expect(g).toBeCloseTo(two.gradient[3 + i]!, 6));
  });
});

describe('Lovász losses with a stride', () => {
  it.each([
    ['softmax', 3, lovaszSoftmax({ stride: 2 }), lovaszSoftmax()],
    ['softmax of images', 2, lovaszSoftmax({ stride: 2, perImage: true }), lovaszSoftmax({ perImage: true })],
    ['hinge', 1, lovaszHinge({ stride: 2 }), lovaszHinge()],
  ])('of %s are those of every second pixel', async (_, classes, loss, whole) => {
    const [n, h, w] = [2, 4, 6];
    const values = new Random(3, 'lovasz');
    const logits = Array.from({ length: n * classes * h * w }, () => values.normal());
    const target = Array.from({ length: n * h * w }, (_, i) =>
      i % 7 === 0 ? IGNORE_INDEX : values.integer(Math.max(2, classes)),
    );
    const kept = <T>(all: readonly T[]) =>
      all.filter((_, i) => (i % w) % 2 === 1 && Math.floor(i / w) % 2 === 1);
    const some = await evaluate(loss, [n, classes, h, w], logits, target);
    const small = await evaluate(whole, [n, classes, h / 2, w / 2], kept(logits), kept(target));
    expect(some.value).toBeCloseTo(small.value, 6);
    kept(some.gradient).forEach((g, i) => expect(g).toBeCloseTo(small.gradient[i]!, 6));
    const left = some.gradient.filter((_, i) => (i % w) % 2 === 0 || Math.floor(i / w) % 2 === 0);
    expect(left.every((g) => g === 0)).toBe(true);
  });

  it('keep a pixel of an image that is smaller than the stride', async () => {
    const one = await evaluate(lovaszHinge({ stride: 8 }), ONE, [0.5, -1, 2], [0, 1, 0]);
    const middle = await evaluate(lovaszHinge(), [1, 1, 1, 1], [-1], [1]);
    expect(one.value).toBe(middle.value);
  });

  it('refuse a stride of 0', () => {
    expect(() => lovaszSoftmax({ stride: 0 })).toThrow('stride must be a whole number from 1 to 64');
  });
});

describe('a loss by its name', () => {
  it.each([
    ['bce', ONE, binaryCrossEntropy({ positiveWeight: 3 })],
    ['cross-entropy', TWO, crossEntropy({ classWeights: [0.5, 1.5] })],
    ['focal', TWO, focal({ classWeights: [0.5, 1.5], gamma: 3 })],
    ['dice', TWO, dice()],
  ] satisfies [string, Shape, Loss][])('%s is told what it knows', async (name, shape, expected) => {
    const settings = { classWeights: [0.5, 1.5], focalGamma: 3 };
    // A sum with focal, so that all of the settings have a taker.
    const [term] = parseLosses(name === 'focal' ? name : `${name}+focal`, settings);
    const logits = [0.3, -1.2, 0.8, 2];
    const given = logits.slice(0, shape[1]! * shape[3]!);
    const target = [1, 0, 1].slice(0, shape[3]);
    expect(await evaluate(term!.loss, shape, given, target)).toEqual(
      await evaluate(expected, shape, given, target),
    );
  });
});

describe('losses', () => {
  it.each([
    ['bce', binaryCrossEntropy(), ONE],
    ['bce, weighted', binaryCrossEntropy({ positiveWeight: 2 }), ONE],
    ['cross-entropy', crossEntropy(), TWO],
    ['cross-entropy, smoothed', crossEntropy({ labelSmoothing: 0.1, classWeights: [1, 2] }), TWO],
    ['dice of one logit', dice({ smooth: 0, presentOnly: true }), ONE],
    ['dice', dice({ presentOnly: true, perImage: true }), TWO],
  ])('%s: where every pixel is ignored, 0 and no gradient', async (_, loss, shape) => {
    const size = shape[2]! * shape[3]!;
    const logits = Array.from({ length: size * shape[1]! }, (_, i) => i - 1);
    const { value, gradient } = await evaluate(
      loss,
      shape,
      logits,
      new Array<number>(size).fill(IGNORE_INDEX),
    );
    expect(value).toBe(0);
    expect(gradient.every((g) => g === 0)).toBe(true);
  });

  it('stay finite on large logits', async () => {
    const binary = await evaluate(binaryCrossEntropy(), ONE, [300, -300, 300], [1, 0, 0]);
    expect(binary.value).toBeCloseTo(100, 3);
    expect(binary.gradient[2]).toBeCloseTo(1 / 3, 6);
    const several = await evaluate(crossEntropy(), TWO, [300, -300, -300, 300], [0, 0]);
    expect(several.value).toBeCloseTo(300, 3);
  });

  it('are 0 on two empty masks, by Dice', async () => {
    const { value } = await evaluate(dice(), ONE, [-300, -300, -300], [0, 0, 0]);
    expect(value).toBe(0);
  });

  it('add with weights', async () => {
    const terms = [
      { name: 'bce', weight: 0.5, loss: binaryCrossEntropy() },
      { name: 'dice', weight: 2, loss: dice() },
    ];
    const at = (loss: Loss) => evaluate(loss, ONE, [1, -2, 0.5], [1, 0, 0]);
    const [both, bce, soft] = [
      await at(sumOfLosses(terms)),
      await at(terms[0]!.loss),
      await at(terms[1]!.loss),
    ];
    expect(both.value).toBeCloseTo(0.5 * bce.value + 2 * soft.value, 6);
    expect(() => sumOfLosses([])).toThrow(UsageError);
  });

  it('say what they need', () => {
    const x = (classes: number) => input('x', [2, classes, 4, 4]);
    const target = input('t', [2, 4, 4], 'uint8');
    expect(() => binaryCrossEntropy()(x(3), target)).toThrow(
      /logits of one channel, not 2×3×4×4: use cross-e/,
    );
    expect(() => crossEntropy()(x(1), target)).toThrow(/at least two channels, not 2×1×4×4: use bce/);
    expect(() => crossEntropy({ classWeights: [1, 1] })(x(3), target)).toThrow(
      /2 class weights .* 3 classes/,
    );
    expect(() => dice()(x(3), input('t', [2, 4, 5], 'uint8'))).toThrow(/need a target of 2×4×4, not 2×4×5/);
    expect(() => binaryCrossEntropy({ positiveWeight: 0 })).toThrow(/number above 0; got 0/);
    expect(() => crossEntropy({ labelSmoothing: 1 })).toThrow(/below 1; got 1/);
    expect(() => crossEntropy({ classWeights: [0, 0] })).toThrow(/not all 0; got/);
    expect(() => crossEntropy({ classWeights: [1, -1] })).toThrow(/from 0 to 1000000/);
    expect(() => dice({ smooth: -1 })).toThrow(/at least 0; got -1/);
  });
});
