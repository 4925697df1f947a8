import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LrPoint } from './lr-suggestion.js';
import { lossCurve, suggestLr } from './lr-suggestion.js';

/** A curve over the decades from 1e-6 to 1. */
const curve = (loss: (decade: number) => number, steps = 100): LrPoint[] =>
  Array.from({ length: steps }, (_, i) => {
    const decade = -6 + (6 * i) / (steps - 1);
    return { lr: 10 ** decade, loss: loss(decade), smoothed: loss(decade) };
  });

/** Flat, then a fall around 1e-3, the least at about 1e-2, then up. */
const typical = (decade: number) =>
  1 - 0.6 / (1 + Math.exp(-6 * (decade + 3))) + 2 * Math.max(0, decade + 1.5) ** 2 - decade * 1e-4;

describe('suggestLr', () => {
  it('reads the three suggestions off a typical curve', () => {
    const { steepest, valley, minimum } = suggestLr(curve(typical));
    expect(Math.log10(steepest)).toBeCloseTo(-3, 1);
    expect(minimum).toBeGreaterThan(5e-4);
    expect(minimum).toBeLessThan(1e-2);
    // The fall begins with the curve and ends at its least: its middle.
    expect(Math.log10(valley)).toBeGreaterThan(-4.5);
    expect(Math.log10(valley)).toBeLessThan(-3);
  });

  it('takes the longest fall, whatever noise is on it', () => {
    // Losses 9 … 1 with two of them lifted: the longest fall goes from the first to the last.
    const losses = [9, 8, 8.5, 7, 6, 7.5, 5, 4, 3, 2, 1, 4, 8];
    const points = losses.map((loss, i) => ({ lr: i + 1, loss, smoothed: loss }));
    // Point 0 is in the tenth that is not looked at; the rest falls from 8 to 1: 8.5 7 6 5 4 3 2 1.
    expect(suggestLr(points, 0).valley).toBe(3 + Math.floor(8 / 3) + Math.floor(8 / 6));
  });

  it('stays within the rates that were tried', () => {
    const noise = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 12, maxLength: 60 });
    fc.assert(
      fc.property(noise, (losses) => {
        const points = losses.map((loss, i) => ({ lr: 10 ** (i / 10), loss, smoothed: loss }));
        const seen = lossCurve(points, 0).slice(Math.floor(points.length / 10));
        fc.pre(seen.some((loss, i) => i > 0 && loss < seen[i - 1]!));
        const { steepest, valley, minimum } = suggestLr(points, 0);
        for (const lr of [steepest, valley, 10 * minimum]) {
          expect(lr).toBeGreaterThanOrEqual(1);
          expect(lr).toBeLessThanOrEqual(points.at(-1)!.lr * (1 + 1e-12));
        }
      }),
    );
  });

  it('reads a fall where it is, not as late as a moving average shows it', () => {
    // A step down in the losses at 1e-3.
    const points = curve((decade) => (decade < -3 ? 1 : 0.2));
    expect(Math.log10(suggestLr(points).steepest)).toBeCloseTo(-3, 0.5);
    const smoothed = lossCurve(points);
    const middle = points.findIndex((_, i) => smoothed[i]! < 0.6);
    expect(Math.abs(Math.log10(points[middle]!.lr) + 3)).toBeLessThan(0.07);
  });

  it('is not moved by how high the loss went in the end', () => {
    const before = (decade: number) => typical(Math.min(decade, -1.5));
    const runaway = (height: number) =>
      suggestLr(curve((decade) => (decade > -0.5 ? height : before(decade))));
    expect(runaway(1e6)).toEqual(runaway(1e3));
  });

  it('says why there is none', () => {
    expect(() => suggestLr(curve(typical, 7))).toThrow(/diverged after 7 steps.* lower rate than 0\.000001/);
    expect(() => suggestLr([])).toThrow(/diverged after 0 steps/);
    expect(() => suggestLr(curve((decade) => decade + 10))).toThrow(/the loss never fell/);
  });
});
