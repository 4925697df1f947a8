import { describe, expect, test } from 'vitest';
import { ShapeError } from '../../errors/index.js';
import {
  avgPool2d,
  globalAvgPool2d,
  input,
  maxPool2d,
  maxPool2dWithIndices,
  maxUnpool2d,
  withScope,
} from '../index.js';

const x = input('x', [2, 3, 9, 8]);
const inLayer = (body: () => unknown) => () => withScope('encoder.pool', body);

describe('the shape of pooling', () => {
  test.each([
    [2, {}, [4, 4]],
    [3, { stride: 2, padding: 1 }, [5, 4]],
    [[1, 2] as const, {}, [9, 4]],
    [2, { stride: 3 }, [3, 3]],
    [[9, 8] as const, {}, [1, 1]],
  ])('kernel %j, %j: %j', (kernel, options, size) => {
    expect(maxPool2d(x, kernel, options).shape).toEqual([2, 3, ...size]);
    expect(avgPool2d(x, kernel, options).shape).toEqual([2, 3, ...size]);
  });

  test('global average pooling keeps the axes', () => {
    expect(globalAvgPool2d(x).shape).toEqual([2, 3, 1, 1]);
  });

  test('unpooling goes back to the size that was pooled', () => {
    const { values, indices } = maxPool2dWithIndices(x, 2);
    expect(maxUnpool2d(values, indices, 2, { size: [9, 8] }).shape).toEqual([2, 3, 9, 8]);
  });
});

describe('pooling says', () => {
  test.each([
    [
      'which image would be large enough',
      () => maxPool2d(x, 12, { padding: 1 }),
      'an image of 9×8 is smaller than one window: at least 10×10 works (in layer encoder.pool)',
    ],
    [
      'the ranges of its options',
      () => avgPool2d(x, 2, { padding: 2 }),
      'pooling needs kernel ≥ 1, stride ≥ 1 and padding of at most half the kernel',
    ],
    ['its rank', () => maxPool2d(input('x', [3, 9, 8]), 2), 'pooling needs N×C×H×W, not 3×9×8'],
    [
      'its element type',
      () => maxPool2d(input('x', [1, 3, 9, 8], 'int32'), 2),
      'maxPool2d needs float32, not int32 1×3×9×8: cast it (in layer encoder.pool)',
    ],
    [
      'what an unpooled size would pool to',
      () => {
        const { values, indices } = maxPool2dWithIndices(x, 2);
        return maxUnpool2d(values, indices, 2, { size: [12, 8] });
      },
      'maxUnpool2d: 2×3×4×4 with indices 2×3×4×4 does not unpool to 2×3×12×8, which pools to 2×3×6×4 (in layer encoder.pool)',
    ],
  ])('%s', (_, call, message) => {
    expect(inLayer(call)).toThrow(ShapeError);
    expect(inLayer(call)).toThrow(message);
  });
});
