import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../random/index.js';
import type { LrPoint } from './lr-suggestion.js';
import { lossCurve, suggestLr } from './lr-suggestion.js';

/** A curve over the decades from 1e-6 to 1. */
const curve = (loss: (decade: number) => number, steps = 100): LrPoint[] =>
  Array.from({ length: steps }, (_, i) => {
    const decade = -6 + (6 * i) / (steps - 1);
    return { lr: 10 ** decade, loss: loss(decade), smoothed: loss(decade) };
  });

/** The same with batches that differ: a normal spread on their losses. */
const noisy = (loss: (decade: number) => number, spread: number, shuffle: number) => {
  const random = new Random(1, 'shuffle', shuffle);
  return curve(loss).map((point) => ({ ...point, loss: point.loss + spread * random.normal() }));
};
const SHUFFLES = Array.from({ length: 20 }, (_, i) => i);

/** Flat, then a fall around 1e-3, the least at about 1e-2, then up. */
const typical = (decade: number) =>
  1 - 0.6 / (1 + Math.exp(-6 * (decade + 3))) + 2 * Math.max(0, decade + 1.5) ** 2 - decade * 1e-4;

describe('suggestLr', () => {
  it('reads its suggestions off a typical curve', () => {
    const { steepest, valley, minimum } = suggestLr(curve(typical));
    expect(Math.log10(steepest)).toBeCloseTo(-3, 1);
    // 1 / (1 + exp(−6 x)) is 3/4 at ln 3 / 6; smoothing makes the fall longer.
    const quarters = [0, undefined].map((neighbour) => suggestLr(curve(typical), neighbour).threeQuarters);
    expect(Math.log10(quarters[0]!)).toBeCloseTo(-3 + Math.log(3) / 6, 1);
    expect(quarters[1]! / quarters[0]!).toBeGreaterThan(1);
    expect(quarters[1]! / quarters[0]!).toBeLessThan(1.5);
    expect(minimum).toBeGreaterThan(5e-4);
    expect(minimum).toBeLessThan(1e-2);
    // The fall begins with the curve and ends at its least: its middle.
    expect(Math.log10(valley)).toBeGreaterThan(-4.5);
    expect(Math.log10(valley)).toBeLessThan(-3);
  });

  it('finds three quarters of a fall that is steep nowhere, whatever the batches', () => {
    // SegNet's: batch norm after every convolution, and the loss falls evenly from 3e-4 up to the last rate.
    const even = (decade: number) => 1.24 - 0.11 * Math.max(0, decade + 3.5);
    const suggested = SHUFFLES.map((shuffle) => suggestLr(noisy(even, 0.05, shuffle)));
    for (const { threeQuarters } of suggested) {
      expect(Math.abs(Math.log10(threeQuarters) - (-3.5 + 0.75 * 3.5))).toBeLessThan(Math.log10(3));
    }
    // The steepest place is chance.
    const steepest = suggested.map((each) => each.steepest);
    expect(Math.max(...steepest) / Math.min(...steepest)).toBeGreaterThan(30);
  });

  it('is not content with the first, steep fall of two', () => {
    // A frozen encoder's: the shares of the classes by 1e-3, the classes themselves by 1e-2, then up.
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    const twoFalls = (decade: number) =>
      1.8 -
      0.25 * sigmoid(10 * (decade + 3)) -
      0.2 * sigmoid(5 * (decade + 2.3)) +
      3 * Math.max(0, decade + 1.9) ** 2;
    for (const shuffle of SHUFFLES) {
      const { threeQuarters, steepest } = suggestLr(noisy(twoFalls, 0.02, shuffle));
      expect(steepest).toBeLessThan(2e-3);
      expect(threeQuarters).toBeGreaterThan(1.5 * steepest);
      expect(threeQuarters).toBeLessThan(1e-2);
    }
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
        const { threeQuarters, steepest, valley, minimum } = suggestLr(points, 0);
        for (const lr of [threeQuarters, steepest, valley, 10 * minimum]) {
          expect(lr).toBeGreaterThanOrEqual(1);
          expect(lr).toBeLessThanOrEqual(points.at(-1)!.lr * (1 + 1e-12));
        }
      }),
    );
  });

  it('reads a fall where it is, not as late as a moving average shows it', () => {
    // A step down in the losses at 1e-3.
    const points = curve((decade) => (decade < -3 ? 1 : 0.2));
    const { threeQuarters, steepest } = suggestLr(points);
    expect(Math.log10(steepest)).toBeCloseTo(-3, 0.5);
    // Half of what is smoothed lies behind the step; three quarters where 0.8^distance is a half: 3 points on.
    expect(threeQuarters / 1e-3).toBeGreaterThan(1);
    expect(threeQuarters / 1e-3).toBeLessThan(10 ** (4 * (6 / 99)));
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
