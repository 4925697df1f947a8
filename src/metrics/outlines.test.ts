import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../errors/index.js';
import {
  boundaryCounts,
  boundaryIoU,
  hausdorffDistance,
  meanSurfaceDistance,
  squaredDistanceTransform,
  surfaceDistances,
} from './index.js';
import { fromJson, goldenCases, maskPairs, parseMask } from '../../test/golden/metrics.js';

function expectDistance(actual: number | null, reference: number | 'Infinity' | null): void {
  const expected = fromJson(reference);
  if (expected === null || expected === Infinity) expect(actual).toBe(expected);
  else expect(actual).toBeCloseTo(expected, 8);
}

describe('outline scores equal brute force', () => {
  it.each(goldenCases)('%s', (_, reference) => {
    const prediction = parseMask(reference.prediction);
    const target = parseMask(reference.target);
    const size = { height: reference.target.length, width: reference.target[0]!.length };
    for (const { class: classIndex, boundary, ...distances } of reference.outlines) {
      const options = { ...size, classIndex };
      const unit = surfaceDistances(prediction, target, options);
      const spaced = surfaceDistances(prediction, target, { ...options, spacing: { y: 2, x: 0.5 } });
      for (const [measured, expected] of [
        [unit, distances.unit],
        [spaced, distances.spaced],
      ] as const) {
        expectDistance(hausdorffDistance(measured), expected.hd95);
        expectDistance(hausdorffDistance(measured, 100), expected.hd);
        expectDistance(meanSurfaceDistance(measured), expected.msd);
      }
      [undefined, 0.1].forEach((dilationRatio, i) => {
        const counts = boundaryCounts(prediction, target, { ...options, dilationRatio });
        expectDistance(boundaryIoU(counts), boundary[i]!);
      });
    }
  });
});

describe('squaredDistanceTransform', () => {
  it('is exact: equal to the least over all pixels', () => {
    fc.assert(
      fc.property(maskPairs(2), ({ prediction, height, width }) => {
        const distances = squaredDistanceTransform(prediction, height, width);
        distances.forEach((distance, i) => {
          let least = Infinity;
          prediction.forEach((inside, j) => {
            if (inside === 0) return;
            const dy = Math.floor(i / width) - Math.floor(j / width);
            const dx = (i % width) - (j % width);
            least = Math.min(least, dy * dy + dx * dx);
          });
          expect(distance).toBe(least);
        });
      }),
    );
  });

  it('refuses a size or a spacing that cannot be', () => {
    expect(() => squaredDistanceTransform(new Uint8Array(6), 2, 4)).toThrow(ShapeError);
    expect(() => squaredDistanceTransform(new Uint8Array(6), 2, 3, { y: 0, x: 1 })).toThrow(UsageError);
  });
});

describe('surface distances', () => {
  it('are symmetric, and vanish between equal masks', () => {
    fc.assert(
      fc.property(maskPairs(2), maskPairs(2), ({ prediction, height, width }, other) => {
        const target = prediction.map((value, i) => other.prediction[i % other.prediction.length]! ^ value);
        const options = { height, width, classIndex: 1 };
        const there = surfaceDistances(prediction, target, options);
        const back = surfaceDistances(target, prediction, options);
        expect(hausdorffDistance(there)).toBe(hausdorffDistance(back));
        const same = surfaceDistances(target, target, options);
        expect([0, null]).toContain(hausdorffDistance(same, 100));
        expect([0, null]).toContain(meanSurfaceDistance(same));
      }),
    );
  });

  it('refuse a percentile out of range, and masks of another size', () => {
    const options = { height: 2, width: 3, classIndex: 1 };
    const distances = surfaceDistances(new Uint8Array(6), new Uint8Array(6), options);
    expect(() => hausdorffDistance(distances, 101)).toThrow('percent must be in [0, 100], got 101.');
    expect(() => surfaceDistances(new Uint8Array(5), new Uint8Array(6), options)).toThrow(ShapeError);
  });
});

describe('boundary IoU', () => {
  it('equals IoU once the rim is as wide as the object', () => {
    fc.assert(
      fc.property(maskPairs(2), ({ prediction, target, height, width }) => {
        const options = { height, width, classIndex: 1, dilationRatio: 1 };
        let intersection = 0;
        let union = 0;
        target.forEach((t, i) => {
          if (t === 255) return;
          intersection += prediction[i]! & t;
          union += prediction[i]! | t;
        });
        expect(boundaryCounts(prediction, target, options)).toEqual({ intersection, union });
      }),
    );
  });

  it('refuses a rim without width', () => {
    const options = { height: 1, width: 1, classIndex: 1, dilationRatio: 0 };
    expect(() => boundaryCounts(new Uint8Array(1), new Uint8Array(1), options)).toThrow(
      'dilationRatio must be in (0, 1], got 0.',
    );
  });
});
