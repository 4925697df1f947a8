import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../errors/index.js';
import { ConfusionMatrix } from './index.js';
import { goldenCases, maskPairs, parseMask } from '../../test/golden/metrics.js';

describe('ConfusionMatrix', () => {
  it.each(goldenCases)('counts as scikit-learn does: %s', (_, { classes, prediction, target, counts }) => {
    const matrix = new ConfusionMatrix(classes).add(parseMask(prediction), parseMask(target));
    expect(matrix.rows()).toEqual(counts);
  });

  it.each([2, 3])('of %i classes adds up: parts merged are the whole, counted pixel by pixel', (classes) => {
    fc.assert(
      fc.property(maskPairs(classes), fc.nat(), ({ prediction, target }, at) => {
        const cut = at % (target.length + 1);
        const whole = new ConfusionMatrix(classes).add(prediction, target);
        const head = new ConfusionMatrix(classes).add(prediction.subarray(0, cut), target.subarray(0, cut));
        const tail = new ConfusionMatrix(classes).add(prediction.subarray(cut), target.subarray(cut));
        expect(head.merge(tail).counts).toEqual(whole.counts);
        const singly = new Float64Array(classes * classes);
        target.forEach((t, i) => {
          if (t !== 255) singly[t * classes + prediction[i]!]!++;
        });
        expect(whole.counts).toEqual(singly);
        for (let index = 0; index < classes; index++) {
          const { tp, fp, fn, tn } = whole.of(index);
          expect(tp + fp + fn + tn).toBe(whole.total);
        }
      }),
    );
  });

  it('takes any value for the ignored one, a class among them, whatever is predicted there', () => {
    const matrix = new ConfusionMatrix(2).add(Uint8Array.of(9, 1, 0, 1), Uint8Array.of(0, 1, 1, 0), 0);
    expect(matrix.rows()).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  it.each([2, 3])('of %i classes names a pixel without a class, and counts nothing', (classes) => {
    const matrix = new ConfusionMatrix(classes);
    expect(() => matrix.add(Uint8Array.of(0, 0), Uint8Array.of(0, 7))).toThrow(
      `Pixel 1 has true class 7, but there are ${classes} classes`,
    );
    expect(() => matrix.add(Uint8Array.of(9, 0), Uint8Array.of(0, 0))).toThrow(/predicted class 9/);
    expect(matrix.total).toBe(0);
  });

  it('refuses masks of two sizes, matrices of two sizes, and counts of classes it cannot hold', () => {
    const matrix = new ConfusionMatrix(2);
    expect(() => matrix.add(new Uint8Array(2), new Uint8Array(3))).toThrow(ShapeError);
    expect(() => matrix.merge(new ConfusionMatrix(3))).toThrow(ShapeError);
    expect(() => new ConfusionMatrix(1)).toThrow(UsageError);
    expect(() => new ConfusionMatrix(256)).toThrow('classes must be a whole number in [2, 255], got 256.');
  });
});
