/** Values moved about: reshape, transpose, slice, pad, concat, split, flip. */
import {
  concat,
  flip,
  mul,
  pad,
  pow,
  reshape,
  slice,
  sliceAll,
  split,
  transpose,
} from '../../../src/graph/index.js';
import { first, float, int32, second } from '../case.js';

export const layoutCases = [
  first('reshape', [float(3, 4, 5)], (x) => reshape(x, [2, -1, 5])),
  first('transpose', [float(2, 3, 4, 5)], (x) => transpose(x, [2, 0, 3, 1])),
  first('slice', [float(2, 5, 7)], (x) => slice(slice(x, 1, 1, 4), 2, 2, -1)),
  first('slice by steps', [float(2, 5, 7)], (x) => sliceAll(x, [0, 1, 1], [2, 5, 7], [1, 2, 3])),
  first('slice by steps of 4 axes', [float(3, 4, 9, 8)], (x) =>
    sliceAll(x, [0, 1, 0, 1], [3, 4, 9, 8], [2, 2, 4, 2]),
  ),
  first('slice of int32', [int32(4, 5)], (x) => sliceAll(x, [1, 0], [3, 5], [1, 2])),
  first('pad', [float(2, 3, 4)], (x) => pad(x, [2, 0, 1], [0, 3, 2])),
  first('pad with a value', [float(2, 3, 4)], (x) => pad(x, [0, 0, 1], [0, 3, 2], -1.5)),
  first('concat of two', [float(2, 3, 4), float(2, 5, 4)], (...parts) => concat(parts, 1)),
  first(
    'concat of eleven',
    Array.from({ length: 11 }, (_, i) => float(2, (i % 3) + 1, 3)),
    (...parts) => concat(parts, 1),
  ),
  first('concat of int32', [int32(2, 3), int32(2, 1)], (...parts) => concat(parts, 1)),
  first('split', [float(2, 9, 3)], (x) => {
    const [a, b, c] = split(x, 1, [4, 1, 4]);
    return concat([mul(c!, a!), b!], 1);
  }),
  first('flip', [float(2, 3, 4, 5)], (x) => flip(x, [1, -1])),
  second('slice by steps', [float(2, 5, 7)], (x) => pow(sliceAll(x, [0, 1, 1], [2, 5, 7], [1, 2, 3]), 3)),
];
