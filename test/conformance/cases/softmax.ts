/** Softmax and its logarithm, of large values too. */
import { logSoftmax, softmax } from '../../../src/graph/index.js';
import { first, float, second } from '../case.js';

export const softmaxCases = [
  first('softmax over channels', [float(2, 5, 3, 4)], (x) => softmax(x, 1)),
  first('softmax over the last axis, large values', [float(3, 7)], (x) => softmax(x, -1)),
  first('logSoftmax over channels', [float(2, 5, 3, 4)], (x) => logSoftmax(x, 1)),
  first('logSoftmax over the last axis, large values', [float(3, 7)], (x) => logSoftmax(x, -1)),
  first('logSoftmax of one class', [float(2, 1, 3)], (x) => logSoftmax(x, 1)),
  first('softmax over 4 channels, 4×8', [float(2, 4, 4, 8)], (x) => softmax(x, 1)),
  first('logSoftmax over 4 channels, 4×8', [float(2, 4, 4, 8)], (x) => logSoftmax(x, 1)),
  second('logSoftmax', [float(2, 4, 3)], (x) => logSoftmax(x, 1)),
  second('softmax', [float(2, 4, 3)], (x) => softmax(x, 1)),
];
