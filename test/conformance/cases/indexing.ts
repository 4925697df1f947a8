/** Reading by index (and, in its gradient, adding by index) and one-hot planes. */
import { gather, mul, oneHot, sum } from '../../../src/graph/index.js';
import { first, float, int32, int64, second, uint8 } from '../case.js';

export const indexingCases = [
  first('gather rows, repeated', [float(5, 3), int32(7)], (x, i) => gather(x, i, 0)),
  first('gather by a matrix of int64 on axis 1', [float(2, 5, 3), int64(2, 4)], (x, i) => gather(x, i, 1)),
  first('gather on the last axis', [float(2, 3, 6), int32(4)], (x, i) => gather(x, i, -1)),
  first('oneHot of int32, some out of range', [int32(2, 3, 4)], (i) => oneHot(i, 5, 1)),
  first('oneHot of int64', [int64(2, 3)], (i) => oneHot(i, 4, -1)),
  first('oneHot of uint8, ignored pixels', [uint8(2, 3, 4)], (i) => oneHot(i, 253, 1)),
  first('oneHot weighs a tensor', [float(2, 3, 4), int32(2, 4)], (x, i) => sum(mul(x, oneHot(i, 3, 1)), 1)),
  second('gather', [float(4, 3), int32(5)], (x, i) => gather(x, i, 0)),
];
