/** Pooling and unpooling: windows that touch, overlap or leave gaps, and ties (the first in reading order wins). */
import type { Tensor } from '../../../src/graph/index.js';
import {
  adaptiveAvgPool2d,
  avgPool2d,
  globalAvgPool2d,
  maxPool2d,
  maxPool2dWithIndices,
  maxUnpool2d,
} from '../../../src/graph/index.js';
import { first, float, second } from '../case.js';

const maxPool = (
  ...[kernel, options]: [Parameters<typeof maxPool2d>[1], Parameters<typeof maxPool2d>[2]?]
) => {
  return (x: Tensor) => maxPool2d(x, kernel, options);
};

const averagePool = (kernel: number | [number, number], options: Parameters<typeof avgPool2d>[2] = {}) => {
  return (x: Tensor) => avgPool2d(x, kernel, options);
};

/** Puts y where the maxima of x are. */
const unpool = (kernel: number, stride = kernel, padding = 0) => {
  return (x: Tensor, y: Tensor) => {
    const { indices } = maxPool2dWithIndices(x, kernel, { stride, padding });
    return maxUnpool2d(y, indices, kernel, { stride, padding, size: [x.shape[2]!, x.shape[3]!] });
  };
};

export const poolingCases = [
  first('maxPool2d 2×2', [float(2, 3, 8, 6)], maxPool(2)),
  first('maxPool2d 2×2, odd size', [float(3, 2, 7, 5)], maxPool(2)),
  first('maxPool2d 2×2, ties', [float(2, 3, 6, 8)], maxPool(2)),
  first('maxPool2d 3×3, stride 2, overlapping', [float(2, 3, 9, 8)], maxPool(3, { stride: 2, padding: 1 })),
  first('maxPool2d 3×3, stride 1, ties', [float(2, 2, 6, 7)], maxPool(3, { stride: 1, padding: 1 })),
  first(
    'maxPool2d 3×3, stride 2, constant image',
    [float(1, 2, 7, 7)],
    maxPool(3, { stride: 2, padding: 1 }),
  ),
  first(
    'maxPool2d 2×3, stride 1×2, padding 0×1',
    [float(2, 2, 5, 8)],
    maxPool([2, 3], { stride: [1, 2], padding: [0, 1] }),
  ),
  first('maxPool2d 2×2, stride 3', [float(1, 3, 9, 10)], maxPool(2, { stride: 3 })),
  first(
    'maxPool2d 1×2, stride 1×3, padding 0×1',
    [float(2, 2, 3, 5)],
    maxPool([1, 2], { stride: [1, 3], padding: [0, 1] }),
  ),
  first(
    'maxPool2d 1×2, stride 1×3, padding 0×1, one window',
    [float(1, 1, 1, 2)],
    maxPool([1, 2], { stride: [1, 3], padding: [0, 1] }),
  ),
  first('maxPool2d of negative values, padded', [float(2, 2, 5, 5)], maxPool(3, { stride: 2, padding: 1 })),
  first('maxPool2d whole image', [float(2, 3, 4, 5)], maxPool([4, 5])),
  first('maxUnpool2d 2×2', [float(2, 3, 6, 8), float(2, 3, 3, 4)], unpool(2)),
  first('maxUnpool2d 2×2, odd size, ties', [float(2, 2, 7, 5), float(2, 2, 3, 2)], unpool(2)),
  first('maxUnpool2d 3×3, stride 2, overlapping', [float(2, 2, 7, 8), float(2, 2, 4, 4)], unpool(3, 2, 1)),
  first('avgPool2d 2×2', [float(2, 3, 8, 6)], averagePool(2)),
  first('avgPool2d 2×2, odd size', [float(3, 2, 7, 5)], averagePool(2)),
  first(
    'avgPool2d 3×3, stride 2, padding counted',
    [float(2, 3, 9, 8)],
    averagePool(3, { stride: 2, padding: 1 }),
  ),
  first(
    'avgPool2d 3×3, stride 2, padding not counted',
    [float(2, 3, 9, 8)],
    averagePool(3, { stride: 2, padding: 1, countIncludePad: false }),
  ),
  first(
    'avgPool2d 3×2, stride 1, padding 1×0 not counted',
    [float(2, 2, 6, 5)],
    averagePool([3, 2], { stride: 1, padding: [1, 0], countIncludePad: false }),
  ),
  first('avgPool2d 2×2, stride 3', [float(1, 3, 9, 10)], averagePool(2, { stride: 3 })),
  first('globalAvgPool2d', [float(3, 4, 5, 7)], globalAvgPool2d),
  first('adaptiveAvgPool2d, windows that overlap', [float(2, 3, 7, 10)], (x) => adaptiveAvgPool2d(x, [3, 4])),
  first('adaptiveAvgPool2d, windows that do not overlap', [float(2, 3, 6, 8)], (x) =>
    adaptiveAvgPool2d(x, [3, 2]),
  ),
  first('adaptiveAvgPool2d to a larger size', [float(2, 2, 3, 5)], (x) => adaptiveAvgPool2d(x, 5)),
  first('maxPool2d 2×2, 4 channels, 8×8', [float(2, 4, 8, 8)], maxPool(2)),
  first(
    'avgPool2d 3×3, 4 channels, 8×8, padded',
    [float(1, 4, 8, 8)],
    averagePool(3, { stride: 1, padding: 1, countIncludePad: false }),
  ),

  second('maxPool2d', [float(2, 3, 6, 5)], maxPool(2)),
  second('maxPool2d, overlapping', [float(2, 3, 7, 6)], maxPool(3, { stride: 2, padding: 1 })),
  second('maxUnpool2d', [float(2, 2, 4, 6), float(2, 2, 2, 3)], unpool(2)),
  second('avgPool2d', [float(2, 3, 7, 6)], averagePool(3, { stride: 2, padding: 1 })),
];
