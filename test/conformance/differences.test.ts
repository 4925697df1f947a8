/**
 * Gradients against central differences, on shapes drawn at random: a derivative along a random direction
 * is (L(x + εd) − L(x − εd)) ÷ 2ε, and must be ⟨gradient, d⟩.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Shape, Tensor } from '../../src/graph/index.js';
import {
  avgPool2d,
  batchNorm,
  batchStatistics,
  conv2d,
  convTranspose2d,
  gradients,
  input,
  sigmoid,
  maxPool2d,
  mul,
  resize,
  sizeOf,
  sum,
} from '../../src/graph/index.js';
import { Random } from '../../src/random/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import { Program } from '../../src/runtime/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';

const RUNS = 25;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ threads: 1, worker: false });
});
afterAll(() => runtime.close());

type Draw = (shape: Shape, random: Random) => Float32Array;

const normal: Draw = (shape, random) => Float32Array.from({ length: sizeOf(shape) }, () => random.normal());

/** Values that are all at least 0.1 apart, so that a small step changes no maximum. */
const apart: Draw = (shape, random) =>
  random.shuffle(Float32Array.from({ length: sizeOf(shape) }, (_, i) => (i - sizeOf(shape) / 2) / 10));

/**
 * The largest error of a directional derivative of Σ c·f(x), relative to the gradient's norm; to 0.1 where
 * that is smaller, since the loss itself is only known to seven digits.
 */
async function worstError(
  shapes: readonly Shape[],
  f: (...inputs: Tensor[]) => Tensor,
  { draw = normal, step = 0.02, seed = 0 }: { draw?: Draw; step?: number; seed?: number } = {},
): Promise<number> {
  const leaves = shapes.map((shape, i) => input(`x${i}`, shape));
  const y = f(...leaves);
  const weights = input('weights', y.shape);
  const loss = sum(mul(y, weights));
  const gradientsByName = Object.fromEntries(gradients(loss, leaves).map((g, i) => [`gradient of x${i}`, g]));
  const program = await Program.compile(
    { inputs: [...leaves, weights], outputs: { loss, ...gradientsByName } },
    runtime,
  );
  try {
    const random = new Random(seed, 'differences');
    const feeds: Record<string, Float32Array> = { weights: normal(y.shape, random) };
    leaves.forEach(({ name, shape }) => (feeds[name] = draw(shape, random)));
    const analytic = await program.evaluate(feeds);
    let worst = 0;
    for (const { name, shape } of leaves) {
      const direction = Float32Array.from({ length: sizeOf(shape) }, () => random.uniform(-1, 1));
      const lossAt = async (distance: number) => {
        const moved = feeds[name]!.map((v, i) => v + distance * direction[i]!);
        return Number((await program.evaluate({ ...feeds, [name]: moved })).loss![0]);
      };
      const measured = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
      const gradient = analytic[`gradient of ${name}`] as Float32Array;
      const claimed = gradient.reduce((total, g, i) => total + g * direction[i]!, 0);
      worst = Math.max(worst, Math.abs(measured - claimed) / Math.max(Math.hypot(...gradient), 0.1));
    }
    return worst;
  } finally {
    await program.release();
  }
}

const small = (max: number, min = 1) => fc.integer({ min, max });
const seed = fc.nat({ max: 1_000_000 });

describe('gradients against central differences, at random shapes', () => {
  const geometry = {
    kernel: fc.tuple(small(4), small(3)),
    stride: fc.tuple(small(3), small(3)),
    padding: fc.tuple(small(2, 0), small(2, 0)),
    dilation: fc.tuple(small(2), small(2)),
    seed,
  };

  test('conv2d', async () => {
    const layer = fc.record({
      ...geometry,
      batch: small(3),
      groups: small(3),
      inputs: small(3),
      outputs: small(3),
      extra: fc.tuple(small(7, 0), small(7, 0)),
    });
    await fc.assert(
      fc.asyncProperty(layer, async (c) => {
        const { kernel, stride, padding, dilation, groups } = c;
        // Large enough for one window at least.
        const [h, w] = [0, 1].map((i) =>
          Math.max(1, dilation[i]! * (kernel[i]! - 1) + 1 - 2 * padding[i]! + c.extra[i]!),
        ) as [number, number];
        const x = [c.batch, groups * c.inputs, h, w];
        const weight = [groups * c.outputs, c.inputs, ...kernel];
        const error = await worstError(
          [x, weight, [groups * c.outputs]],
          (a, b, bias) => conv2d(a, b, bias, { stride, padding, dilation, groups }),
          { step: 0.25, seed: c.seed },
        );
        expect(error).toBeLessThan(1e-2);
      }),
      { numRuns: RUNS },
    );
  });

  test('convTranspose2d', async () => {
    const layer = fc.record({
      ...geometry,
      batch: small(2),
      groups: small(2),
      inputs: small(3),
      outputs: small(3),
      size: fc.tuple(small(5, 2), small(5, 2)),
      outputPadding: fc.tuple(small(2, 0), small(2, 0)),
    });
    await fc.assert(
      fc.asyncProperty(layer, async (c) => {
        const { kernel, stride, dilation, groups } = c;
        const least = [0, 1].map((i) => (c.size[i]! - 1) * stride[i]! + dilation[i]! * (kernel[i]! - 1) + 1);
        const pairOf = (f: (i: 0 | 1) => number) => [f(0), f(1)] as const;
        const padding = pairOf((i) => Math.min(c.padding[i], Math.floor((least[i]! - 1) / 2)));
        const outputPadding = pairOf((i) =>
          Math.min(c.outputPadding[i], Math.max(stride[i], dilation[i]) - 1),
        );
        const error = await worstError(
          [
            [c.batch, groups * c.inputs, ...c.size],
            [groups * c.inputs, c.outputs, ...kernel],
          ],
          (a, b) => convTranspose2d(a, b, undefined, { stride, padding, dilation, groups, outputPadding }),
          { step: 0.25, seed: c.seed },
        );
        expect(error).toBeLessThan(1e-2);
      }),
      { numRuns: RUNS },
    );
  });

  const pooling = fc
    .record({
      kernel: fc.tuple(small(3), small(3)),
      stride: fc.tuple(small(3), small(3)),
      halves: fc.tuple(fc.boolean(), fc.boolean()),
      planes: fc.tuple(small(2), small(3)),
      extra: fc.tuple(small(6, 0), small(6, 0)),
      countIncludePad: fc.boolean(),
      seed,
    })
    .map((c) => ({
      ...c,
      padding: [0, 1].map((i) => (c.halves[i] ? Math.floor(c.kernel[i]! / 2) : 0)) as [number, number],
      shape: [...c.planes, c.kernel[0] + c.extra[0], c.kernel[1] + c.extra[1]],
    }));

  test('maxPool2d', async () => {
    await fc.assert(
      fc.asyncProperty(pooling, async ({ kernel, stride, padding, shape, seed }) => {
        const error = await worstError([shape], (x) => maxPool2d(x, kernel, { stride, padding }), {
          draw: apart,
          seed,
        });
        expect(error).toBeLessThan(1e-2);
      }),
      { numRuns: RUNS },
    );
  });

  test('avgPool2d', async () => {
    await fc.assert(
      fc.asyncProperty(pooling, async ({ kernel, stride, padding, countIncludePad, shape, seed }) => {
        const options = { stride, padding, countIncludePad };
        const error = await worstError([shape], (x) => avgPool2d(x, kernel, options), { step: 0.25, seed });
        expect(error).toBeLessThan(1e-2);
      }),
      { numRuns: RUNS },
    );
  });

  test('resize', async () => {
    const resizing = fc.record({
      shape: fc.tuple(small(2), small(3), small(9), small(9)),
      size: fc.tuple(small(12), small(12)),
      mode: fc.constantFrom('nearest' as const, 'bilinear' as const),
      alignCorners: fc.boolean(),
      seed,
    });
    await fc.assert(
      fc.asyncProperty(resizing, async ({ shape, size, mode, alignCorners, seed }) => {
        const error = await worstError([shape], (x) => resize(x, size, { mode, alignCorners }), {
          step: 0.25,
          seed,
        });
        expect(error).toBeLessThan(1e-2);
      }),
      { numRuns: RUNS },
    );
  });

  test('batch norm in training, then sigmoid', async () => {
    const shape = fc.tuple(small(3, 2), small(3), small(4, 2), small(4, 2));
    await fc.assert(
      fc.asyncProperty(shape, seed, async (shape, seed) => {
        const error = await worstError(
          [shape, [shape[1]], [shape[1]]],
          (x, weight, bias) => {
            const { mean, variance } = batchStatistics(x);
            return sigmoid(batchNorm(x, weight, bias, mean, variance));
          },
          { step: 0.005, seed },
        );
        expect(error).toBeLessThan(1e-2);
      }),
      { numRuns: RUNS },
    );
  });
});
