/** The largest entries along the last axis, reading by an index for each entry, and running sums. */
import { cumulativeSum, gatherElements, pow, topK } from '../../../src/graph/index.js';
import { first, float, int64, second } from '../case.js';

export const sortingCases = [
  first('topK', [float(3, 4, 7)], (x) => topK(x, 3).values),
  first('topK of a whole row', [float(2, 9)], (x) => topK(x, 9).values),
  first('places of topK', [float(2, 9)], (x) => topK(x, 4).indices),
  first('gatherElements, repeated', [float(2, 3, 6), int64(2, 3, 9)], gatherElements),
  first('gatherElements by topK of another', [float(2, 8), float(2, 8)], (x, y) =>
    gatherElements(y, topK(x, 8).indices),
  ),
  first('cumulativeSum', [float(2, 3, 7)], (x) => cumulativeSum(x)),
  first('cumulativeSum from the end, exclusive', [float(3, 8)], (x) =>
    cumulativeSum(x, { reverse: true, exclusive: true }),
  ),
  second('topK', [float(2, 7)], (x) => pow(topK(x, 3).values, 3)),
];
