/** Values and gradients against references by PyTorch and by counting: see test/golden/losses.py. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import golden from '../../../test/golden/losses.json' with { type: 'json' };
import type { Shape } from '../../graph/index.js';
import { gradients, input, reshape } from '../../graph/index.js';
import type { Runtime } from '../../runtime/index.js';
import { Program, viewOf } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import { targetMapsBehind } from '../target-map.js';
import type { Loss } from './index.js';
import {
  boundaryCrossEntropy,
  focal,
  IGNORE_INDEX,
  jaccard,
  lovaszHinge,
  lovaszSoftmax,
  topKCrossEntropy,
  tversky,
} from './index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

async function evaluate(loss: Loss, shape: Shape, logits: ArrayLike<number>, target: Uint8Array) {
  const x = input('logits', shape);
  const t = input('target', [shape[0]!, shape[2]!, shape[3]!], 'uint8');
  const value = loss(x, t);
  const maps = targetMapsBehind([value]);
  const outputs = { value: reshape(value, []), gradient: gradients(value, [x])[0]! };
  const program = await Program.compile({ inputs: [x, t, ...maps], outputs }, runtime);
  const results = await program.run({
    logits: viewOf(Float32Array.from(logits)),
    target: viewOf(target.slice()),
    ...Object.fromEntries(maps.map((map) => [map.name, viewOf(map.compute(target))])),
  });
  await program.release();
  return { value: Number(results.value![0]), gradient: results.gradient as Float32Array };
}

const MAKERS: Readonly<Record<string, (options: object) => Loss>> = {
  focal,
  jaccard,
  tversky,
  'top-k': topKCrossEntropy,
  'lovasz-softmax': lovaszSoftmax,
  'lovasz-hinge': lovaszHinge,
  'boundary-cross-entropy': boundaryCrossEntropy,
};

const cases = golden.cases.map((entry) => {
  const channels = entry.shape[1]!;
  const options = Object.keys(entry.options).length > 0 ? ` ${JSON.stringify(entry.options)}` : '';
  return [`${entry.loss}${options} of ${channels}, ${entry.kind}`, entry] as const;
});

describe('values and gradients', () => {
  it.each(cases)('%s', async (_, { loss, options, shape, logits, target, value, gradient }) => {
    const classes = Uint8Array.from(target.join(''), (digit) =>
      digit === '.' ? IGNORE_INDEX : Number(digit),
    );
    const ours = await evaluate(MAKERS[loss]!(options), shape, logits, classes);
    expect(Math.abs(ours.value - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    const norm = Math.hypot(...gradient);
    const distance = Math.hypot(...gradient.map((g, i) => g - ours.gradient[i]!));
    expect(distance).toBeLessThanOrEqual(1e-4 * norm + 1e-7);
  });
});

describe('where every pixel is ignored', () => {
  it.each(
    Object.keys(MAKERS).flatMap(
      (name) =>
        (name === 'lovasz-hinge'
          ? [[name, 1]]
          : [
              [name, 1],
              [name, 3],
            ]) as [string, number][],
    ),
  )('%s of %i is finite and has no gradient', async (name, channels) => {
    const logits = Array.from({ length: 4 * channels }, (_, i) => i - 2);
    const all = new Uint8Array(4).fill(IGNORE_INDEX);
    const { value, gradient } = await evaluate(MAKERS[name]!({}), [1, channels, 2, 2], logits, all);
    expect(Math.abs(value)).toBe(0);
    expect([...gradient].every((g) => g === 0)).toBe(true);
  });
});

describe('on large logits', () => {
  it.each(['focal', 'top-k', 'tversky', 'lovasz-softmax', 'lovasz-hinge', 'boundary-cross-entropy'])(
    '%s stays finite',
    async (name) => {
      const truth = Uint8Array.of(1, 0, 1, 0);
      const { value, gradient } = await evaluate(
        MAKERS[name]!({}),
        [1, 1, 2, 2],
        [300, -300, -300, 300],
        truth,
      );
      expect(Number.isFinite(value)).toBe(true);
      expect(value).toBeGreaterThan(0);
      expect(gradient.every(Number.isFinite)).toBe(true);
    },
  );
});

describe('each loss says what it needs', () => {
  const x = input('x', [2, 3, 4, 4]);
  const target = input('t', [2, 4, 4], 'uint8');

  it.each([
    [() => focal({ gamma: -1 }), 'focal: gamma must be a number from 0 to 20; got -1.'],
    [
      () => focal({ classWeights: [0, 0] }),
      'focal: classWeights must be 1 to 255 numbers separated by commas, each a number from 0 to 1000000, not all 0; got [0,0].',
    ],
    [() => focal({ classWeights: [1, 2] })(x, target), '2 class weights given for 3 classes'],
    [
      () => tversky({ falsePositives: -1 }),
      'tversky: falsePositives must be a number of at least 0; got -1.',
    ],
    [() => jaccard({ smooth: -1 }), 'jaccard: smooth must be a number of at least 0; got -1.'],
    [() => topKCrossEntropy({ share: 0 }), 'top-k: share must be a number above 0 and up to 1; got 0.'],
    [
      () => lovaszHinge()(x, target),
      'Lovász hinge needs logits of one channel, not 2×3×4×4: use lovasz-softmax',
    ],
    [
      () => boundaryCrossEntropy({ sigma: 0 }),
      'boundary-cross-entropy: sigma must be a number of at least 0.1; got 0.',
    ],
    [
      () => boundaryCrossEntropy({ strength: NaN }),
      'boundary-cross-entropy: strength must be a number of at least 0; got NaN.',
    ],
  ])('%#', (call, message) => {
    expect(call).toThrow(message);
  });
});
