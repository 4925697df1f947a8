import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../graph/index.js';
import {
  abs,
  add,
  div,
  equal,
  exp,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalOr,
  maximum,
  minimum,
  mul,
  neg,
  sign,
  sqrt,
  sub,
  sum,
  where,
} from '../graph/index.js';
import { ArrayKernel, arrayRule, compileRule } from './index.js';

/** Runs `update` once over the arrays a and b with the number n; returns the new a. */
function run(
  update: (a: Tensor, b: Tensor, n: Tensor) => Tensor,
  a: ArrayLike<number>,
  b: ArrayLike<number> = a,
  n = 0.1,
): Float32Array {
  const rule = arrayRule({
    kind: 'test',
    arrays: ['a', 'b'],
    numbers: { n },
    update: (arrays, numbers) => ({ a: update(arrays.a, arrays.b, numbers.n) }),
  });
  const values = Float32Array.from(a);
  new ArrayKernel(compileRule(rule)).update(rule.numbers, [values, Float32Array.from(b)]);
  return values;
}

const CASES: readonly [
  string,
  (a: Tensor, b: Tensor, n: Tensor) => Tensor,
  (a: number, b: number) => number,
][] = [
  ['add', (a, b) => add(a, b), (a, b) => a + b],
  ['sub with a number', (a, _, n) => sub(a, n), (a) => a - 0.1],
  ['mul, not rounded between', (a, b, n) => mul(mul(n, a), sub(b, n)), (a, b) => 0.1 * a * (b - 0.1)],
  ['div', (a, b) => div(a, b), (a, b) => a / b],
  ['maximum', (a, b) => maximum(a, b), Math.max],
  ['minimum with a constant', (a) => minimum(a, 0.5), (a) => Math.min(a, 0.5)],
  ['sqrt of abs', (a) => sqrt(abs(a)), (a) => Math.sqrt(Math.abs(a))],
  ['neg', (a) => neg(a), (a) => -a],
  ['sign', (a) => sign(a), (a) => (Number.isNaN(a) ? 0 : Math.sign(a) + 0)],
  ['greater', (a, b) => where(greater(a, b), a, 7), (a, b) => (a > b ? a : 7)],
  ['greaterEqual', (a, b) => where(greaterEqual(a, b), a, 7), (a, b) => (a >= b ? a : 7)],
  ['less', (a, b) => where(less(a, b), 7, b), (a, b) => (a < b ? 7 : b)],
  ['lessEqual', (a, b) => where(lessEqual(a, b), 7, b), (a, b) => (a <= b ? 7 : b)],
  [
    'and, or, equal',
    (a, b) => where(logicalOr(logicalAnd(less(a, 0), less(b, 0)), equal(a, b)), 1, 2),
    (a, b) => ((a < 0 && b < 0) || a === b ? 1 : 2),
  ],
  ['a scalar condition', (a, b, n) => where(greater(n, 0), a, b), (a) => a],
  ['a scalar where', (a, _, n) => mul(a, where(less(n, 0), 2, 3)), (a) => a * 3],
];

describe('a kernel computes in double precision and rounds once', () => {
  it.each(CASES)('%s', (_, update, expected) => {
    const any = fc.float({ noNaN: false });
    fc.assert(
      fc.property(fc.array(fc.tuple(any, any), { minLength: 1, maxLength: 9 }), (pairs) => {
        const got = run(
          update,
          pairs.map(([a]) => a),
          pairs.map(([, b]) => b),
        );
        expect(got).toEqual(Float32Array.from(pairs, ([a, b]) => expected(a, b)));
      }),
      { numRuns: 50 },
    );
  });

  it.each([1, 2, 4095, 4096, 4097, 12289])('over %d elements', (length) => {
    const values = Float32Array.from({ length }, (_, i) => Math.sin(i));
    expect(run((a, b) => add(a, b), values)).toEqual(values.map((x) => x + x));
  });
});

describe('sums', () => {
  it.each([1, 2, 3, 4097, 8192, 10001])('are over the whole array of %d elements', (length) => {
    const values = Float32Array.from({ length }, (_, i) => (i % 17) - 3);
    const total = values.reduce((a, b) => a + b, 0);
    expect(run((a) => add(mul(a, 0), sum(a)), values)).toEqual(new Float32Array(length).fill(total));
  });

  it('may rest on other sums', () => {
    const got = run((a) => sum(sub(a, div(sum(a), 5))), [1, 2, 3, 4, 5]);
    expect([...got]).toEqual([0, 0, 0, 0, 0]);
    const deviation = run(
      (a) => {
        const centred = sub(a, div(sum(a), 3));
        return div(centred, sqrt(sum(mul(centred, centred))));
      },
      [1, 2, 3],
    );
    expect([...deviation]).toEqual([...Float32Array.of(-Math.SQRT1_2, 0, Math.SQRT1_2)]);
  });

  it('leave out what stands behind the end of the array', () => {
    // 0 ÷ 0 in the place of the missing last element must not reach the sum.
    expect([...run((a) => mul(sum(div(a, a)), 1), [2, 4, 8])]).toEqual([3, 3, 3]);
  });
});

it('names an operator that it lacks, and those that it has', () => {
  expect(() => run((a) => exp(a), [1])).toThrow(/rule "test" uses the operator exp; on the host .* sqrt/);
});
