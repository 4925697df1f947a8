import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  classCounts,
  ConfusionMatrix,
  dice,
  foreground,
  iou,
  meanDefined,
  meanDice,
  meanIoU,
  pixelAccuracy,
  pooled,
  precision,
  recall,
} from './index.js';
import { goldenCases, maskPairs, parseMask } from '../../test/golden/metrics.js';

function expectScore(actual: number | null, expected: number | null): void {
  if (expected === null) expect(actual).toBeNull();
  else expect(actual).toBeCloseTo(expected, 9);
}

describe('scores of counts', () => {
  it.each(goldenCases)('equal scikit-learn: %s', (_, reference) => {
    const matrix = new ConfusionMatrix(reference.classes).add(
      parseMask(reference.prediction),
      parseMask(reference.target),
    );
    const counts = classCounts(matrix);
    counts.forEach((one, index) => {
      expectScore(iou(one), reference.iou[index]!);
      expectScore(dice(one), reference.dice[index]!);
      expectScore(precision(one), reference.precision[index]!);
      expectScore(recall(one), reference.recall[index]!);
    });
    expectScore(pixelAccuracy(matrix), reference.pixelAccuracy);
    expectScore(meanIoU(matrix), reference.meanIoU);
    expectScore(meanDice(matrix), reference.meanDice);
    expectScore(iou(pooled(counts)), reference.microIoU);
    expectScore(dice(pooled(counts)), reference.microDice);
  });

  it('keep within their bounds: IoU ≤ Dice ≤ 1, and Dice follows from IoU', () => {
    fc.assert(
      fc.property(maskPairs(3), ({ prediction, target }) => {
        for (const counts of classCounts(new ConfusionMatrix(3).add(prediction, target))) {
          const [j, d] = [iou(counts), dice(counts)];
          if (j === null || d === null) {
            expect([j, d]).toEqual([null, null]);
          } else {
            expect(d).toBeCloseTo((2 * j) / (1 + j), 12);
            expect(j).toBeLessThanOrEqual(d);
            expect(d).toBeLessThanOrEqual(1);
          }
        }
      }),
    );
  });

  it('count every class as it is counted alone, and add up all pixels once', () => {
    fc.assert(
      fc.property(maskPairs(3), ({ prediction, target }) => {
        const matrix = new ConfusionMatrix(3).add(prediction, target);
        const alone = [0, 1, 2].map((index) => matrix.of(index));
        const total = vi.spyOn(ConfusionMatrix.prototype, 'total', 'get');
        try {
          expect(classCounts(matrix)).toEqual(alone);
          expect(total).toHaveBeenCalledTimes(1);
        } finally {
          total.mockRestore();
        }
      }),
    );
  });

  it('leave out of a mean what is undefined', () => {
    expect(meanDefined([1, null, 0.5])).toBe(0.75);
    expect(meanDefined([null, null])).toBeNull();
    expect(meanDefined([])).toBeNull();
  });

  it('take every class but the background for foreground', () => {
    const matrix = new ConfusionMatrix(3).add(Uint8Array.of(0, 1, 2, 2, 1), Uint8Array.of(0, 1, 1, 2, 0));
    expect(foreground(matrix)).toMatchObject({ tp: 2, fp: 2, fn: 1 });
    expect(foreground(matrix, 1)).toMatchObject({ tp: 2, fp: 1, fn: 1 });
    const two = new ConfusionMatrix(2).add(Uint8Array.of(0, 1, 1), Uint8Array.of(0, 1, 0));
    expect(foreground(two)).toEqual(two.of(1));
    expect(foreground(two, 1)).toEqual(two.of(0));
  });
});
