import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../errors/index.js';
import type { StreamKey } from './index.js';
import { Random } from './index.js';

interface KnownWords {
  readonly seed: number;
  readonly keys: readonly StreamKey[];
  readonly words: readonly number[];
}

const known = JSON.parse(
  readFileSync(new URL('../../test/golden/threefry.json', import.meta.url), 'utf8'),
) as KnownWords[];

/** Σ (observed − expected)² ÷ expected, for equally likely outcomes. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((a, b) => a + b, 0) / counts.length;
  return counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
}

/** Above this, chance alone would go once in a million (Wilson and Hilferty's approximation). */
function chiSquareLimit(degrees: number): number {
  const v = 2 / (9 * degrees);
  return degrees * (1 - v + 4.75 * Math.sqrt(v)) ** 3;
}

const tally = (n: number, draws: number, draw: () => number): number[] => {
  const counts = new Array<number>(n).fill(0);
  for (let i = 0; i < draws; i++) counts[draw()]!++;
  return counts;
};

describe('the words of Threefry-2x32', () => {
  test.each(known)('are those of the paper for seed $seed, stream $keys', ({ seed, keys, words }) => {
    const random = new Random(seed, ...keys);
    expect(words.map(() => random.uint32())).toEqual(words);
  });

  test('begin, under key and counter 0, with the published ones', () => {
    const random = new Random(0);
    expect([random.uint32(), random.uint32()]).toEqual([0x9d1c5ec6, 0x8bd50731]);
  });
});

describe('streams', () => {
  const keys = fc.array(fc.oneof(fc.string({ maxLength: 6 }), fc.nat()), { maxLength: 3 });
  const seed = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  const words = (seed: number, keys: readonly StreamKey[]) => {
    const random = new Random(seed, ...keys);
    return Array.from({ length: 4 }, () => random.uint32());
  };

  test('repeat for the same seed and name', () => {
    fc.assert(
      fc.property(seed, keys, (s, k) => {
        expect(words(s, k)).toEqual(words(s, k));
      }),
    );
  });

  test('differ for different seeds and names', () => {
    fc.assert(
      fc.property(seed, keys, seed, keys, (s, k, t, l) => {
        fc.pre(s !== t || JSON.stringify(k) !== JSON.stringify(l));
        expect(words(s, k)).not.toEqual(words(t, l));
      }),
    );
    // Names that only differ in where a part ends.
    const names: StreamKey[][] = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], [1, 2], [2, 1], ['1', 2]];
    expect(new Set(names.map((name) => words(5, name).join())).size).toBe(names.length);
  });

  test('of neighbouring names do not resemble each other', () => {
    const draws = 20_000;
    const correlation = (a: Random, b: Random) => {
      let sum = 0;
      for (let i = 0; i < draws; i++) sum += (a.float() - 0.5) * (b.float() - 0.5);
      return (sum / draws) * 12;
    };
    for (let step = 0; step < 8; step++) {
      const of = (n: number) => new Random(1, 'dropout', n, 0);
      // A deviation of 1 ÷ √draws is one standard deviation.
      expect(Math.abs(correlation(of(step), of(step + 1)))).toBeLessThan(5 / Math.sqrt(draws));
    }
  });
});

describe('distributions', () => {
  test('floats are uniform in [0, 1), and so are pairs of them', () => {
    const random = new Random(2);
    const bin = () => Math.floor(random.float() * 16);
    expect(chiSquare(tally(16, 50_000, bin))).toBeLessThan(chiSquareLimit(15));
    expect(chiSquare(tally(256, 50_000, () => 16 * bin() + bin()))).toBeLessThan(chiSquareLimit(255));
  });

  test('every bit of a word is as often 1 as 0', () => {
    const random = new Random(3);
    const ones = new Array<number>(32).fill(0);
    const draws = 20_000;
    for (let i = 0; i < draws; i++) {
      const word = random.uint32();
      for (let bit = 0; bit < 32; bit++) ones[bit]! += (word >>> bit) & 1;
    }
    for (const n of ones) expect(Math.abs(n - draws / 2)).toBeLessThan(5 * Math.sqrt(draws / 4));
  });

  test('uniform(low, high) stays in its range', () => {
    const random = new Random(4);
    const values = Array.from({ length: 1000 }, () => random.uniform(-3, 5));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-3);
    expect(Math.max(...values)).toBeLessThan(5);
    expect(Math.max(...values)).toBeGreaterThan(4.9);
  });

  test.each([1, 2, 3, 6, 7, 100])('integer(%i) is uniform', (n) => {
    const random = new Random(5, n);
    const counts = tally(n, 20_000, () => random.integer(n));
    expect(counts.reduce((a, b) => a + b)).toBe(20_000);
    if (n > 1) expect(chiSquare(counts)).toBeLessThan(chiSquareLimit(n - 1));
  });

  test('integer() takes up to 2³² outcomes, whole and at least one', () => {
    const random = new Random(6);
    expect(random.integer(2 ** 32)).toBeLessThan(2 ** 32);
    for (const n of [0, -1, 1.5, NaN, 2 ** 32 + 1]) expect(() => random.integer(n)).toThrow(UsageError);
  });

  test('normal() has the moments of a standard normal', () => {
    const random = new Random(7);
    const n = 50_000;
    const values = Array.from({ length: n }, () => random.normal());
    const moment = (k: number) => values.reduce((sum, v) => sum + v ** k, 0) / n;
    // Each bound is five standard deviations of the estimate.
    expect(Math.abs(moment(1))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
    expect(values.every(Number.isFinite)).toBe(true);
  });

  test('chance(p) is true a share p of the time', () => {
    const random = new Random(8);
    const hits = tally(2, 20_000, () => Number(random.chance(0.3)))[1]!;
    expect(Math.abs(hits - 6000)).toBeLessThan(5 * Math.sqrt(20_000 * 0.3 * 0.7));
  });

  test('shuffle gives every order of three alike, and loses nothing', () => {
    const random = new Random(9);
    const orders = ['012', '021', '102', '120', '201', '210'];
    const counts = tally(6, 12_000, () => orders.indexOf(random.shuffle([0, 1, 2]).join('')));
    expect(chiSquare(counts)).toBeLessThan(chiSquareLimit(5));
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(), (items, seed) => {
        const shuffled = new Random(seed).shuffle([...items]);
        expect(shuffled.sort()).toEqual([...items].sort());
      }),
    );
  });
});

describe('fillBernoulli', () => {
  test.each([0, 0.1, 0.5, 0.8, 1])('puts 1 in a share %f of the places', (keep) => {
    const n = 40_000;
    const mask = new Uint8Array(n);
    new Random(10, 'mask').fillBernoulli(mask, keep);
    const ones = mask.reduce((a, b) => a + b, 0);
    expect(mask.every((v) => v === 0 || v === 1)).toBe(true);
    expect(Math.abs(ones - n * keep)).toBeLessThanOrEqual(5 * Math.sqrt(n * keep * (1 - keep)));
  });

  test('a mask of any length is the start of a longer one', () => {
    const long = new Uint8Array(64);
    new Random(11).fillBernoulli(long, 0.5);
    for (const length of [0, 1, 2, 3, 5, 30]) {
      const short = new Uint8Array(length);
      new Random(11).fillBernoulli(short, 0.5);
      expect(short).toEqual(long.slice(0, length));
    }
  });

  test('a part of a mask is filled as in the whole', () => {
    const whole = new Uint8Array(64);
    new Random(11).fillBernoulli(whole, 0.5);
    for (const [from, to] of [
      [0, 7],
      [4, 20],
      [5, 6],
      [31, 64],
      [64, 64],
    ] as const) {
      const part = new Uint8Array(to - from);
      new Random(11).fillBernoulli(part, 0.5, from);
      expect(part).toEqual(whole.slice(from, to));
    }
  });

  test('goes on where it stopped', () => {
    const random = new Random(12);
    const [a, b] = [new Uint8Array(64), new Uint8Array(64)];
    random.fillBernoulli(a, 0.5);
    random.fillBernoulli(b, 0.5);
    expect(a).not.toEqual(b);
  });
});
