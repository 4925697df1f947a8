/**
 * Convolutions and transposed convolutions. Among the shapes is one for every way in which a filter
 * gradient is written: few channels (fewer than 16), many, planes of at most 64 pixels, 1×1, groups,
 * depthwise, a batch of one.
 */
import type { Tensor } from '../../../src/graph/index.js';
import { conv2d, convTranspose2d } from '../../../src/graph/index.js';
import { first, float, second } from '../case.js';

const conv = (options: Parameters<typeof conv2d>[3] = {}) => {
  return (...[x, w, b]: Tensor[]) => conv2d(x!, w!, b, options);
};

const transposed = (options: Parameters<typeof convTranspose2d>[3] = {}) => {
  return (...[x, w, b]: Tensor[]) => convTranspose2d(x!, w!, b, options);
};

export const convolutionCases = [
  first('conv2d 3×3 with bias', [float(2, 3, 7, 8), float(4, 3, 3, 3), float(4)], conv({ padding: 1 })),
  first('conv2d 3×2 unpadded, batch 3', [float(3, 2, 5, 9), float(3, 2, 3, 2)], conv()),
  first(
    'conv2d stride 2×3',
    [float(2, 3, 9, 8), float(4, 3, 3, 2), float(4)],
    conv({ padding: 1, stride: [2, 3] }),
  ),
  first('conv2d stride leaves a remainder', [float(2, 3, 8, 8), float(2, 3, 3, 3)], conv({ stride: 2 })),
  first('conv2d stride beyond the kernel', [float(2, 3, 9, 10), float(4, 3, 2, 2)], conv({ stride: 3 })),
  first(
    'conv2d dilation 2, two groups',
    [float(2, 4, 9, 8), float(6, 2, 3, 2)],
    conv({ padding: 2, dilation: 2, groups: 2 }),
  ),
  first(
    'conv2d dilation 3×1, stride 2',
    [float(1, 3, 11, 9), float(4, 3, 3, 3)],
    conv({ padding: [3, 1], dilation: [3, 1], stride: 2 }),
  ),
  first(
    'conv2d three groups, stride 2',
    [float(2, 6, 7, 7), float(9, 2, 3, 3), float(9)],
    conv({ padding: 1, stride: 2, groups: 3 }),
  ),
  first(
    'conv2d depthwise',
    [float(2, 4, 9, 8), float(4, 1, 3, 3), float(4)],
    conv({ padding: 1, groups: 4 }),
  ),
  first(
    'conv2d depthwise, stride 2',
    [float(2, 5, 9, 7), float(5, 1, 3, 3)],
    conv({ padding: 1, groups: 5, stride: 2 }),
  ),
  first(
    'conv2d depthwise, multiplier 2',
    [float(2, 4, 9, 8), float(8, 1, 3, 3)],
    conv({ padding: 1, groups: 4, stride: 2 }),
  ),
  first(
    'conv2d depthwise, dilation 2',
    [float(2, 3, 8, 9), float(3, 1, 3, 3)],
    conv({ padding: 2, groups: 3, dilation: 2 }),
  ),
  first(
    'conv2d few channels, large plane',
    [float(2, 3, 10, 9), float(4, 3, 3, 3), float(4)],
    conv({ padding: 1 }),
  ),
  first(
    'conv2d few channels, large plane, stride 2',
    [float(1, 3, 19, 17), float(4, 3, 3, 3)],
    conv({ padding: 1, stride: 2 }),
  ),
  first('conv2d one channel in and out', [float(2, 1, 9, 11), float(1, 1, 5, 5)], conv({ padding: 2 })),
  first('conv2d 16 channels, large plane', [float(2, 16, 9, 9), float(5, 16, 3, 3)], conv({ padding: 1 })),
  first(
    'conv2d 17 channels, large plane, batch 1',
    [float(1, 17, 9, 8), float(6, 17, 3, 3)],
    conv({ padding: 1 }),
  ),
  first(
    'conv2d 16 to 32 channels, large plane',
    [float(1, 16, 9, 8), float(32, 16, 3, 3), float(32)],
    conv({ padding: 1 }),
  ),
  first(
    'conv2d 16 channels, 25×24, batch 2',
    [float(2, 16, 25, 24), float(3, 16, 3, 3)],
    conv({ padding: 1 }),
  ),
  first(
    'conv2d 16 to 20 channels, dilation 2, batch 2',
    [float(2, 16, 10, 9), float(20, 16, 3, 3)],
    conv({ padding: 2, dilation: 2 }),
  ),
  first(
    'conv2d 8 to 12 channels, 3×2 on 4×3, padding 1×0',
    [float(1, 8, 4, 3), float(12, 8, 3, 2)],
    conv({ padding: [1, 0] }),
  ),
  first('conv2d 17 channels, small plane', [float(2, 17, 6, 7), float(6, 17, 3, 3)], conv({ padding: 1 })),
  first(
    'conv2d 16 channels, small plane, stride 2, batch 1',
    [float(1, 16, 7, 6), float(16, 16, 3, 3)],
    conv({ padding: 1, stride: 2 }),
  ),
  first('conv2d 1×1', [float(2, 5, 9, 9), float(7, 5, 1, 1), float(7)], conv()),
  first('conv2d 1×1, small plane', [float(3, 18, 3, 5), float(4, 18, 1, 1)], conv()),
  first('conv2d 1×1, stride 2', [float(2, 3, 9, 8), float(4, 3, 1, 1)], conv({ stride: 2 })),
  first('conv2d 1×1, padded', [float(2, 3, 8, 7), float(2, 3, 1, 1)], conv({ padding: 1 })),
  first('conv2d 1×5, padding 0×2', [float(2, 2, 6, 11), float(3, 2, 1, 5)], conv({ padding: [0, 2] })),
  first('conv2d one pixel out', [float(2, 3, 4, 5), float(4, 3, 4, 5)], conv()),
  first(
    'conv2d 4 to 8 channels, 8×8',
    [float(2, 4, 8, 8), float(8, 4, 3, 3), float(8)],
    conv({ padding: 1 }),
  ),
  first(
    'conv2d 8 to 4 channels, 12×12, stride 2',
    [float(1, 8, 12, 12), float(4, 8, 3, 3)],
    conv({ padding: 1, stride: 2 }),
  ),
  first('conv2d 1×1, 8 to 12 channels', [float(2, 8, 4, 8), float(12, 8, 1, 1), float(12)], conv()),
  first('conv2d 1×1, 4 to 1 channel', [float(2, 4, 6, 6), float(1, 4, 1, 1), float(1)], conv()),
  first(
    'conv2d four groups of 2 to 4, 8×8',
    [float(1, 8, 8, 8), float(16, 2, 3, 3)],
    conv({ padding: 1, groups: 4 }),
  ),
  first(
    'conv2d one channel in, stride 2',
    [float(2, 1, 8, 8), float(4, 1, 3, 3)],
    conv({ padding: 1, stride: 2 }),
  ),
  first(
    'conv2d depthwise, multiplier 3, stride 2',
    [float(1, 2, 7, 7), float(6, 1, 3, 3)],
    conv({ padding: 1, groups: 2, stride: 2 }),
  ),
  first(
    'conv2d depthwise, multiplier 4, stride 2',
    [float(1, 3, 8, 8), float(12, 1, 3, 3)],
    conv({ padding: 1, groups: 3, stride: 2 }),
  ),

  first(
    'convTranspose2d 2×2, stride 2',
    [float(2, 4, 5, 6), float(4, 3, 2, 2), float(3)],
    transposed({ stride: 2 }),
  ),
  first(
    'convTranspose2d 2×2, stride 2, 16 channels',
    [float(1, 16, 3, 5), float(16, 8, 2, 2)],
    transposed({ stride: 2 }),
  ),
  first(
    'convTranspose2d 3×3, stride 2, output padding, groups',
    [float(2, 4, 5, 6), float(4, 3, 3, 3), float(6)],
    transposed({ stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
  ),
  first('convTranspose2d stride 1', [float(2, 3, 5, 7), float(3, 4, 3, 3)], transposed({ padding: 1 })),
  first(
    'convTranspose2d stride 1, padding beyond the kernel',
    [float(2, 3, 7, 8), float(3, 2, 2, 2)],
    transposed({ padding: 2 }),
  ),
  first(
    'convTranspose2d stride 3×2 beyond the kernel',
    [float(2, 3, 4, 5), float(3, 2, 2, 1)],
    transposed({ stride: [3, 2], outputPadding: [2, 0] }),
  ),
  first(
    'convTranspose2d dilation 2, stride 2',
    [float(1, 3, 4, 5), float(3, 2, 3, 2)],
    transposed({ stride: 2, dilation: 2, padding: 1, outputPadding: 1 }),
  ),
  first(
    'convTranspose2d dilation 2, stride 1, output padding',
    [float(1, 2, 5, 4), float(2, 3, 3, 3)],
    transposed({ dilation: 2, padding: 2, outputPadding: 1 }),
  ),
  first(
    'convTranspose2d dilation 3, stride 2, output padding 2',
    [float(1, 2, 4, 3), float(2, 2, 2, 2)],
    transposed({ stride: 2, dilation: 3, padding: 1, outputPadding: 2 }),
  ),
  first(
    'convTranspose2d 1×1, padded, output padding',
    [float(1, 2, 4, 5), float(2, 3, 1, 1)],
    transposed({ dilation: 2, padding: 1, outputPadding: 1 }),
  ),
  first(
    'convTranspose2d depthwise, 4×4, stride 2',
    [float(2, 3, 4, 5), float(3, 1, 4, 4)],
    transposed({ stride: 2, padding: 1, groups: 3 }),
  ),
  first(
    'convTranspose2d 5 channels to one',
    [float(2, 5, 4, 3), float(5, 1, 2, 2), float(1)],
    transposed({ stride: 2 }),
  ),
  first(
    'convTranspose2d 8 channels to 4, 4×4',
    [float(2, 8, 4, 4), float(8, 4, 2, 2), float(4)],
    transposed({ stride: 2 }),
  ),

  second('conv2d', [float(2, 3, 5, 6), float(4, 3, 3, 3), float(4)], conv({ padding: 1 })),
  second('conv2d, large plane', [float(1, 2, 9, 9), float(3, 2, 3, 3)], conv({ padding: 1 })),
  second('conv2d, stride 2', [float(2, 3, 7, 6), float(4, 3, 3, 3)], conv({ padding: 1, stride: 2 })),
  second(
    'conv2d, groups, dilation',
    [float(2, 4, 6, 7), float(4, 2, 3, 2)],
    conv({ padding: 2, dilation: 2, groups: 2 }),
  ),
  second('conv2d, depthwise', [float(2, 3, 5, 6), float(6, 1, 3, 3)], conv({ padding: 1, groups: 3 })),
  second(
    'convTranspose2d',
    [float(2, 3, 3, 4), float(3, 2, 3, 3)],
    transposed({ stride: 2, padding: 1, outputPadding: 1 }),
  ),
  second(
    'convTranspose2d, dilation, output padding',
    [float(1, 2, 4, 3), float(2, 2, 3, 2)],
    transposed({ dilation: 2, padding: 1, outputPadding: 1 }),
  ),
];
