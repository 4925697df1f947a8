import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Runtime } from '../../runtime/index.js';
import { Program } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import type { Tensor } from '../index.js';
import { cumulativeSum, gatherElements, gradients, input, mul, sum, topK } from '../index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

/** Values of `build(x)`, and the gradient of their sum weighted with 1, 2, 3, … */
async function evaluate(
  rows: number,
  values: readonly number[],
  build: (x: Tensor) => Record<string, Tensor>,
) {
  const x = input('x', [rows, values.length / rows]);
  const weight = input('weight', [1]);
  const outputs = build(x);
  const y = Object.values(outputs)[0]!;
  const numbers = Float32Array.from({ length: y.size }, (_, i) => i + 1);
  const cotangent = input('cotangent', y.shape);
  const gradient = gradients(sum(mul(y, cotangent)), [x])[0]!;
  const second = gradients(sum(mul(gradient, gradient)), [cotangent])[0]!;
  const program = await Program.compile(
    { inputs: [x, cotangent, weight], outputs: { ...outputs, gradient, second } },
    runtime,
  );
  const results = await program.evaluate({
    x: Float32Array.from(values),
    cotangent: numbers,
    weight: Float32Array.of(1),
  });
  await program.release();
  return Object.fromEntries(Object.entries(results).map(([name, data]) => [name, Array.from(data, Number)]));
}

describe('topK', () => {
  it('takes the largest of each row, of equals the first', async () => {
    const { values, indices, gradient } = await evaluate(
      2,
      [3, 1, 3, 2, -1, -5, 0, -1],
      (x) => topK(x, 3) as never,
    );
    expect(values).toEqual([3, 3, 2, 0, -1, -1]);
    expect(indices).toEqual([0, 2, 3, 2, 0, 3]);
    expect(gradient).toEqual([1, 0, 2, 3, 5, 0, 4, 6]);
  });

  it('of a whole row sorts it', async () => {
    const numbers = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(numbers, async (row) => {
        const { values, indices } = await evaluate(1, row, (x) => topK(x, row.length) as never);
        const order = row.map((_, i) => i).sort((a, b) => row[b]! - row[a]! || a - b);
        expect(indices).toEqual(order);
        expect(values).toEqual(order.map((i) => row[i]));
      }),
      { numRuns: 20 },
    );
  });

  it('states how many there are', () => {
    expect(() => topK(input('x', [2, 4]), 5)).toThrow('topK of 2×4 takes 1 to 4 entries, not 5');
    expect(() => topK(input('x', []), 1)).toThrow(/takes 1 to 0 entries/);
  });
});

describe('gatherElements', () => {
  it('reads by an index for each entry, and its gradient adds', async () => {
    const { y, gradient, second } = await evaluate(2, [1, 2, 3, 4, 5, 6], (x) => ({
      y: gatherElements(x, topK(x, 2).indices),
    }));
    expect(y).toEqual([3, 2, 6, 5]);
    expect(gradient).toEqual([0, 2, 1, 0, 4, 3]);
    // The gradient of Σ gradient² by the cotangent is twice the cotangent, read back.
    expect(second).toEqual([2, 4, 6, 8]);
  });

  it('needs indices that fit', () => {
    expect(() => gatherElements(input('x', [2, 3]), input('i', [3, 2], 'int64'))).toThrow(
      /indices of the same shape except for the last axis, not 3×2/,
    );
  });
});

describe('cumulativeSum', () => {
  it.each([
    ['up to an entry', {}, [1, 3, 6, 4, 9, 15], [6, 5, 3, 15, 11, 6]],
    ['before it', { exclusive: true }, [0, 1, 3, 0, 4, 9], [5, 3, 0, 11, 6, 0]],
    ['from it on', { reverse: true }, [6, 5, 3, 15, 11, 6], [1, 3, 6, 4, 9, 15]],
  ])('%s', async (_, options, wanted, wantedGradient) => {
    const { y, gradient } = await evaluate(2, [1, 2, 3, 4, 5, 6], (x) => ({ y: cumulativeSum(x, options) }));
    expect(y).toEqual(wanted);
    expect(gradient).toEqual(wantedGradient);
  });
});
