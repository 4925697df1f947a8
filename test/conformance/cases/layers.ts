/** Batch norm in training and evaluation, its statistics, dropout with a given mask, and how they stand with convolutions. */
import type { Tensor } from '../../../src/graph/index.js';
import {
  argMax,
  batchNorm,
  batchStatistics,
  cast,
  concat,
  conv2d,
  dropout,
  greater,
  groupNorm,
  instanceNorm,
  relu,
} from '../../../src/graph/index.js';
import { bool, first, float, second } from '../case.js';

function inTraining(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const { mean, variance } = batchStatistics(x);
  return batchNorm(x, weight, bias, mean, variance);
}

const inEvaluation =
  (epsilon?: number) => (x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) =>
    batchNorm(x, weight, bias, mean, variance, epsilon);

const vectors = (channels: number, count: number) => Array.from({ length: count }, () => float(channels));

export const layerCases = [
  first('batchNorm in training', [float(4, 3, 5, 4), ...vectors(3, 2)], inTraining),
  first('batchNorm in training, batch 1', [float(1, 5, 7, 3), ...vectors(5, 2)], inTraining),
  first('batchNorm in training, mean far from 0', [float(3, 2, 6, 5), ...vectors(2, 2)], inTraining),
  first('batchNorm in evaluation', [float(2, 3, 5, 4), ...vectors(3, 4)], inEvaluation()),
  first('batchNorm in evaluation, ε of 0.001', [float(3, 4, 3, 3), ...vectors(4, 4)], inEvaluation(1e-3)),
  first('batchStatistics', [float(3, 4, 5, 3)], (x) => {
    const { mean, variance } = batchStatistics(x);
    return concat([mean, variance], 0);
  }),
  first('groupNorm, two groups', [float(3, 6, 5, 4), ...vectors(6, 2)], (x, weight, bias) =>
    groupNorm(x, 2, weight, bias),
  ),
  first('groupNorm, mean far from 0', [float(2, 4, 6, 5), ...vectors(4, 2)], (x, weight, bias) =>
    groupNorm(x, 4, weight, bias, 1e-3),
  ),
  first('groupNorm of all channels without weights', [float(2, 8, 4, 4)], (x) => groupNorm(x, 1)),
  first('instanceNorm', [float(2, 3, 5, 4), ...vectors(3, 2)], (x, weight, bias) =>
    instanceNorm(x, weight, bias),
  ),
  first('dropout with a given mask', [float(3, 4, 5, 3), bool(3, 4, 5, 3)], (x, mask) =>
    dropout(x, mask, 0.6),
  ),
  first('batchNorm in training, 8 channels, 4×4', [float(2, 8, 4, 4), ...vectors(8, 2)], inTraining),
  first(
    'dropout between convolutions',
    [float(2, 3, 6, 5), float(4, 3, 3, 3), bool(2, 4, 6, 5), float(2, 4, 3, 3)],
    (x, v, mask, w) => {
      const hidden = relu(conv2d(x, v, undefined, { padding: 1 }));
      return conv2d(dropout(hidden, mask, 0.6), w, undefined, { padding: 1 });
    },
  ),
  first('classes after a convolution', [float(2, 3, 6, 5), float(4, 3, 3, 3)], (x, w) =>
    cast(argMax(conv2d(x, w, undefined, { padding: 1 }), 1), 'uint8'),
  ),
  first('comparison after a convolution', [float(2, 3, 6, 5), float(2, 3, 3, 3)], (x, w) =>
    greater(conv2d(x, w, undefined, { padding: 1 }), 0),
  ),
  second('batchNorm in training', [float(3, 2, 4, 3), ...vectors(2, 2)], inTraining),
  second('groupNorm', [float(2, 4, 3, 2), ...vectors(4, 2)], (x, weight, bias) =>
    groupNorm(x, 2, weight, bias),
  ),
  second('batchNorm in evaluation', [float(2, 3, 3, 2), ...vectors(3, 4)], inEvaluation()),
];
