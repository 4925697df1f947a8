import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfusionMatrix, dice, softDice, ThresholdSweep } from './index.js';
import { goldenThresholds } from '../../test/golden/metrics.js';

// The formula of test/golden/metrics.py.
const N = 3000;
const truth = Uint8Array.from({ length: N }, (_, i) => ((Math.floor(i / 7) * 5) % 9 < 3 ? 1 : 0));
const probabilities = Float32Array.from(truth, (t, i) => (((i * i * 31 + i * 17) % 1021) + 400 * t) / 1500);

describe('ThresholdSweep', () => {
  it('finds what a sweep with scikit-learn finds, in batches or at once', () => {
    const sweep = new ThresholdSweep();
    for (let from = 0; from < N; from += 700) {
      const batch = new ThresholdSweep();
      batch.add(probabilities.subarray(from, from + 700), truth.subarray(from, from + 700));
      sweep.merge(batch);
    }
    const curve = sweep.curve();
    expect(curve).toHaveLength(1023);
    goldenThresholds.curve.forEach((value, i) => expect(curve[64 * i]!.dice).toBeCloseTo(value, 9));
    const best = sweep.best()!;
    expect(best.dice).toBeCloseTo(goldenThresholds.best, 9);
    expect(goldenThresholds.at).toContain(best.threshold);
  });

  it('scores each threshold exactly as the mask cut there', () => {
    const pixel = fc.record({
      p: fc.float({ min: 0, max: 1, noNaN: true }),
      t: fc.constantFrom(0, 1, 255),
    });
    fc.assert(
      fc.property(fc.array(pixel, { minLength: 1, maxLength: 60 }), fc.nat(1022), (pixels, at) => {
        const p = Float32Array.from(pixels, (one) => one.p);
        const t = Uint8Array.from(pixels, (one) => one.t);
        const point = new ThresholdSweep().add(p, t).curve()[at];
        const threshold = (at + 1) / 1024;
        const mask = Uint8Array.from(p, (value) => (value >= threshold ? 1 : 0));
        const counts = new ConfusionMatrix(2).add(mask, t).of(1);
        if (counts.tp + counts.fn === 0) expect(point).toBeUndefined();
        else expect(point).toEqual({ threshold, dice: dice(counts) });
      }),
    );
  });

  it('takes the middle among equals, and chooses nothing without foreground', () => {
    const sweep = new ThresholdSweep().add(Float32Array.of(0.1, 0.9), Uint8Array.of(0, 1));
    expect(sweep.best()).toEqual({ threshold: 0.5, dice: 1 });
    expect(new ThresholdSweep().add(Float32Array.of(0.5), Uint8Array.of(0)).best()).toBeNull();
  });

  it('refuses what is no probability, and more than two classes', () => {
    const sweep = new ThresholdSweep();
    expect(() => sweep.add(Float32Array.of(2.5), Uint8Array.of(1))).toThrow(/not logits/);
    expect(() => sweep.add(Float32Array.of(NaN), Uint8Array.of(1))).toThrow(/probability NaN/);
    expect(() => sweep.add(Float32Array.of(0.5), Uint8Array.of(2))).toThrow(/true class 2/);
    expect(() => sweep.add(new Float32Array(2), new Uint8Array(3))).toThrow(/the same size/);
  });
});

describe('softDice', () => {
  it('equals the published formula on each batch', () => {
    goldenThresholds.softDice.forEach((expected, i) => {
      const [from, to] = [1200 * i, 1200 * (i + 1)];
      expect(softDice(probabilities.subarray(from, to), truth.subarray(from, to))).toBeCloseTo(expected, 6);
    });
  });

  it('leaves ignored pixels out', () => {
    const value = softDice(Float32Array.of(0.5, 1, 0.25), Uint8Array.of(1, 255, 0));
    expect(value).toBeCloseTo((2 * 0.5 + 1) / (0.75 + 1 + 1), 12);
  });
});
