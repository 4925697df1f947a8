import { describe, expect, it } from 'vitest';
import { meanMetrics, metricsOf, OUTLINE_METRICS } from './index.js';

/** A map of class indices, and its size. */
const map = (...rows: string[]) => ({
  data: Uint8Array.from(rows.join(''), Number),
  height: rows.length,
  width: rows[0]!.length,
});

const truth = map('0000000', '0111000', '0111000', '0111000', '0000000');
const shifted = map('0000000', '0011100', '0011100', '0011100', '0000000');
const empty = map('0000000', '0000000', '0000000', '0000000', '0000000');

const scores = (prediction: typeof truth, target: typeof truth, classes = [1]) =>
  metricsOf(OUTLINE_METRICS, {
    prediction: prediction.data,
    target: target.data,
    height: target.height,
    width: target.width,
    classes,
  });

describe('scores of outlines', () => {
  it('are those of the distances between two squares', () => {
    expect(scores(truth, truth)).toEqual({ hausdorff95: 0, meanSurfaceDistance: 0, boundaryIoU: 1 });
    const { hausdorff95, meanSurfaceDistance, boundaryIoU } = scores(shifted, truth);
    expect(hausdorff95).toBe(1);
    // Of 8 pixels of each outline, the 3 in the far column and the middle one of the near column are off by 1.
    expect(meanSurfaceDistance).toBe(8 / 16);
    expect(boundaryIoU).toBe(4 / 12);
  });

  it('count a class that only one mask has as the diagonal, and leave out one that neither has', () => {
    const diagonal = Math.hypot(5, 7);
    expect(scores(empty, truth)).toEqual({
      hausdorff95: diagonal,
      meanSurfaceDistance: diagonal,
      boundaryIoU: 0,
    });
    expect(scores(truth, truth, [1, 2]).boundaryIoU).toBe(1);
    expect(scores(empty, empty).hausdorff95).toBe(null);
  });
});

it('averages over the samples that have a value', () => {
  const samples = [
    { metrics: { a: 1, b: null } },
    { metrics: { a: 4, b: null } },
    { metrics: { a: null, b: null } },
  ];
  expect(meanMetrics(['a', 'b'], samples)).toEqual({ a: 2.5, b: null });
});
