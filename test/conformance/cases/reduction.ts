/** Sums, means and extremes, with and without the reduced axes kept. */
import { argMax, equal, max, mean, min, sum } from '../../../src/graph/index.js';
import { first, float, int32, int64 } from '../case.js';

export const reductionCases = [
  first('sum of all', [float(3, 4, 5)], (x) => sum(x)),
  first('sum over axes', [float(3, 4, 5, 2)], (x) => sum(x, [0, 2])),
  first('sum over axes, kept', [float(3, 4, 5, 2)], (x) => sum(x, [1, -1], true)),
  first('mean of all', [float(3, 4, 5)], (x) => mean(x)),
  first('mean over the last axis', [float(3, 4, 5)], (x) => mean(x, -1)),
  first('mean over axes, kept', [float(3, 4, 5, 2)], (x) => mean(x, [0, 2, 3], true)),
  first('max over axes', [float(3, 4, 5)], (x) => max(x, [0, 2])),
  first('max, ties, kept', [float(3, 4, 5)], (x) => max(x, 1, true)),
  first('min, ties', [float(3, 4, 5)], (x) => min(x, [0, 1])),
  first('min of all', [float(3, 4, 5)], (x) => min(x)),
  first('sum of int32', [int32(3, 4, 5)], (x) => sum(x, [0, 2])),
  first('argMax, ties', [float(3, 4, 5)], (x) => argMax(x, 1)),
  first('argMax, compared', [float(2, 4, 5), int64(2, 5)], (x, i) => equal(argMax(x, 1), i)),
  first('argMax over the last axis', [float(3, 4, 5)], (x) => argMax(x, -1)),
  first('sum over the last axis of 8', [float(3, 4, 8)], (x) => sum(x, -1)),
  first('sum over the first axis, rows of 8', [float(5, 8)], (x) => sum(x, 0)),
  first('max over the last axis of 8', [float(3, 4, 8)], (x) => max(x, -1)),
];
