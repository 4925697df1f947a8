/** Values moved about: reshape, transpose, slice, pad, concat, split, flip. */
import {
  broadcastTo,
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
import { bool, first, float, int32, second } from '../case.js';

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
  first('transpose of bool', [bool(3, 5)], (m) => transpose(m, [1, 0])),
  first('transpose of int32', [int32(3, 5)], (i) => transpose(i, [1, 0])),
  first('slice of bool', [bool(4, 5)], (m) => sliceAll(m, [1, 0], [3, 5], [1, 2])),
  first('pad of int32', [int32(3, 4)], (i) => pad(i, [0, 1], [2, 0], 255)),
  first('pad of bool', [bool(3, 4)], (m) => pad(m, [0, 1], [2, 0], 1)),
  first('concat of bool', [bool(2, 3), bool(2, 2)], (...parts) => concat(parts, 1)),
  first('flip of int32', [int32(2, 3, 4)], (i) => flip(i, [1, 2])),
  first('reshape and broadcast bool', [bool(6)], (m) => broadcastTo(reshape(m, [2, 3, 1]), [2, 3, 4])),
  first('slices of 4 channels, 4×8', [float(2, 4, 4, 8)], (x) =>
    concat([sliceAll(x, [0, 0, 1, 4], [2, 4, 4, 8]), sliceAll(x, [0, 0, 0, 0], [2, 4, 3, 4])], 1),
  ),
  first('concat of rows of 4', [float(2, 4, 4), float(2, 8, 4), float(2, 4, 4)], (...parts) =>
    concat(parts, 1),
  ),
  second('slice by steps', [float(2, 5, 7)], (x) => pow(sliceAll(x, [0, 1, 1], [2, 5, 7], [1, 2, 3]), 3)),
];
