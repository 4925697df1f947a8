import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFloat16, encodeFloat16, fromFloat16, LARGEST_FLOAT16, toFloat16 } from './float16.js';

describe('numbers of 16 bits', () => {
  it('come back as they went, every one of them', () => {
    for (let half = 0; half < 65536; half++) {
      const value = fromFloat16(half);
      expect(Number.isNaN(value) ? 0x7e00 : toFloat16(value)).toBe(Number.isNaN(value) ? 0x7e00 : half);
    }
  });

  it('are the nearest, of two the even one', () => {
    expect(fromFloat16(toFloat16(LARGEST_FLOAT16))).toBe(65504);
    expect(fromFloat16(toFloat16(65519.9))).toBe(65504);
    expect(fromFloat16(toFloat16(-65520))).toBe(-Infinity);
    expect(toFloat16(1 + 2 ** -11)).toBe(0x3c00);
    expect(toFloat16(1 + 3 * 2 ** -11)).toBe(0x3c02);
    expect(toFloat16(2 ** -25)).toBe(0);
    expect(toFloat16(3 * 2 ** -25)).toBe(2);
    expect(toFloat16(2 ** -14 - 2 ** -26)).toBe(0x0400);
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const half = toFloat16(value);
        const error = Math.abs(fromFloat16(half) - value);
        for (const other of [half - 1, half + 1]) {
          if ((other & 0x7c00) === 0x7c00 || (other & 0x8000) !== (half & 0x8000) || other < 0) continue;
          expect(error).toBeLessThanOrEqual(Math.abs(fromFloat16(other) - value));
        }
      }),
      { seed: 4, numRuns: 2000 },
    );
  });

  it('are converted in arrays as one by one', () => {
    const values = decodeFloat16(Uint16Array.from({ length: 65536 }, (_, half) => half));
    expect(values).toEqual(Float32Array.from({ length: 65536 }, (_, half) => fromFloat16(half)));
    const between = values.map((value) => value * 1.0003);
    expect(encodeFloat16(between)).toEqual(Uint16Array.from(between, toFloat16));
    expect(encodeFloat16(Float32Array.of(3, -1), undefined, 0.5)).toEqual(
      Uint16Array.of(toFloat16(1.5), toFloat16(-0.5)),
    );
  });
});
