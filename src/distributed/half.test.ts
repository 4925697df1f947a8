import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFloat16, float16Values } from '../onnx/index.js';
import { sumInHalf } from './half.js';
import { asRanks } from './in-process.js';

const half = (value: number): number => {
  return float16Values()[encodeFloat16(Float32Array.of(value))[0]!]!;
};

describe('half precision', () => {
  it('has the values of IEEE 754 binary16', () => {
    const values = float16Values();
    expect([values[0x3c00], values[0xc000], values[0x7bff], values[0x0001], values[0x0400]]).toEqual([
      1,
      -2,
      65504,
      2 ** -24,
      2 ** -14,
    ]);
    expect([values[0x7c00], values[0xfc00]]).toEqual([Infinity, -Infinity]);
    expect(values[0x7e00]).toBeNaN();
  });

  it('keeps every value that it has', () => {
    const values = float16Values().filter((value) => !Number.isNaN(value));
    const bits = encodeFloat16(values);
    const back = Float32Array.from(bits, (b) => float16Values()[b]!);
    expect(Buffer.compare(Buffer.from(back.buffer), Buffer.from(values.buffer))).toBe(0);
  });

  it('rounds to the nearest, ties to even', () => {
    const sorted = float16Values()
      .filter((value) => Number.isFinite(value) && value >= 0)
      .sort();
    fc.assert(
      fc.property(fc.nat(sorted.length - 2), fc.double({ min: 0, max: 1, noNaN: true }), (i, t) => {
        const [low, high] = [sorted[i]!, sorted[i + 1]!];
        const value = Math.fround(low + t * (high - low));
        const found = half(value);
        const gap = Math.min(value - low, high - value);
        expect(Math.abs(found - value)).toBe(gap);
        expect(half(-value)).toBe(-found);
      }),
    );
    expect(half(1 + 2 ** -11)).toBe(1);
    expect(half(1 + 3 * 2 ** -11)).toBe(1 + 2 ** -9);
    expect(half(65519)).toBe(65504);
    expect(half(65520)).toBe(Infinity);
    expect(half(NaN)).toBeNaN();
  });
});

describe('sumInHalf', () => {
  it.each([1, 2, 3, 4])('sums to 11 bits on %i ranks, all alike, at any scale', async (size) => {
    for (const scale of [1e-30, 1e-7, 1, 1e6]) {
      const valueOf = (rank: number, i: number) => Math.fround(scale * Math.sin(i * 7 + rank));
      const sums = await asRanks(size, async (communicator) => {
        const values = Float32Array.from({ length: 101 }, (_, i) => valueOf(communicator.rank, i));
        await sumInHalf(communicator, values);
        return values;
      });
      for (const sum of sums) expect(sum).toEqual(sums[0]);
      for (let i = 0; i < 101; i++) {
        let wanted = 0;
        for (let rank = 0; rank < size; rank++) wanted += valueOf(rank, i);
        expect(Math.abs(sums[0]![i]! - wanted)).toBeLessThan(scale * size * 2 ** -10);
      }
    }
  });

  it('keeps zeros, and what is not finite', async () => {
    const sums = await asRanks(2, async (communicator) => {
      const zeros = new Float32Array(3);
      const bad = Float32Array.of(1, communicator.rank === 0 ? NaN : 1, 2);
      await sumInHalf(communicator, zeros);
      await sumInHalf(communicator, bad);
      return [zeros, bad] as const;
    });
    for (const [zeros, bad] of sums) {
      expect([...zeros]).toEqual([0, 0, 0]);
      expect(bad[1]).toBeNaN();
    }
  });
});
