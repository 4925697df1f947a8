import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { quantile, ScoreBootstrap } from './bootstrap.js';
import { ConfusionMatrix } from './confusion-matrix.js';

interface Golden {
  readonly images: readonly (readonly (readonly number[])[])[];
  readonly groups: readonly number[];
  readonly draws: readonly (readonly number[])[];
  readonly drawn: readonly { pixelAccuracy: number; meanIoU: number; meanDice: number; iou: number[] }[];
  readonly groupDraws: readonly (readonly number[])[];
  readonly groupDrawn: readonly { meanIoU: number; meanGroupDice: number }[];
  readonly intervals: Record<string, [number, number]> & { classes: [number, number][] };
  readonly quantiles: readonly { values: number[]; q: number; quantile: number }[];
}

/** Computed by test/golden/score_intervals.py. */
const golden = JSON.parse(
  readFileSync(new URL('../../test/golden/score_intervals.json', import.meta.url), 'utf8'),
) as unknown as Golden;

function bootstrapOf(images: Golden['images'], groups?: readonly number[]): ScoreBootstrap {
  const bootstrap = new ScoreBootstrap(3, false, { background: 0 });
  images.forEach((rows, i) => {
    const counts = new ConfusionMatrix(3);
    counts.counts.set(rows.flat());
    bootstrap.add(counts, groups && `group ${groups[i]}`);
  });
  return bootstrap;
}

const weightsOf = (draw: readonly number[]): Uint32Array => {
  const weights = new Uint32Array(draw.length);
  for (const unit of draw) weights[unit]!++;
  return weights;
};

describe('the bootstrap', () => {
  it('scores a draw of images as NumPy does', () => {
    const bootstrap = bootstrapOf(golden.images);
    golden.draws.forEach((draw, i) => {
      const scores = bootstrap.scoresOf(weightsOf(draw));
      const { iou, ...expected } = golden.drawn[i]!;
      for (const [name, value] of Object.entries(expected)) expect(scores.get(name)).toBeCloseTo(value, 12);
      iou.forEach((value, k) => expect(scores.get(`class/${k}`)).toBeCloseTo(value, 12));
    });
  });

  it('draws whole groups if there are groups', () => {
    const bootstrap = bootstrapOf(golden.images, golden.groups);
    golden.groupDraws.forEach((draw, i) => {
      const scores = bootstrap.scoresOf(weightsOf(draw));
      expect(scores.get('meanIoU')).toBeCloseTo(golden.groupDrawn[i]!.meanIoU, 12);
      expect(scores.get('meanGroupDice')).toBeCloseTo(golden.groupDrawn[i]!.meanGroupDice, 12);
    });
    expect(bootstrap.intervals()).toMatchObject({ of: 'groups', count: 6 });
  });

  it('has the intervals of 20,000 draws by NumPy, up to the noise of 1,000 draws', () => {
    const { scores, classes, ...rest } = bootstrapOf(golden.images).intervals()!;
    expect(rest).toEqual({ level: 0.95, of: 'images', count: 12, resamples: 1000 });
    const { meanIoU, pixelAccuracy, meanGroupDice } = golden.intervals;
    const grouped = bootstrapOf(golden.images, golden.groups).intervals()!;
    const pairs = [
      [scores['meanIoU'], meanIoU],
      [scores['pixelAccuracy'], pixelAccuracy],
      [grouped.scores['meanGroupDice'], meanGroupDice],
      ...golden.intervals.classes.map((interval, k) => [classes[k]!, interval]),
    ] as [[number, number], [number, number]][];
    for (const [ours, theirs] of pairs) {
      const width = theirs[1] - theirs[0];
      for (const end of [0, 1] as const) expect(Math.abs(ours[end] - theirs[end])).toBeLessThan(0.1 * width);
    }
  });

  it('has none for a few images, and bounds its memory for many', () => {
    expect(bootstrapOf(golden.images.slice(0, 4)).intervals()).toBeUndefined();
    const many = bootstrapOf(Array.from({ length: 2100 }, (_, i) => golden.images[i % 12]!));
    expect(() => many.scoresOf(new Uint32Array(1050))).not.toThrow();
    expect(many.intervals()!.count).toBe(2100);
  });

  it('takes quantiles as NumPy does', () => {
    for (const { values, q, quantile: expected } of golden.quantiles)
      expect(quantile(values, q)).toBeCloseTo(expected, 12);
  });
});
