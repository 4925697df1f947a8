/** Matrix products with either operand transposed and batches that broadcast. */
import type { Tensor } from '../../../src/graph/index.js';
import { matmul } from '../../../src/graph/index.js';
import { first, float, second } from '../case.js';

const product =
  (transposeA = false, transposeB = false) =>
  (a: Tensor, b: Tensor) =>
    matmul(a, b, { transposeA, transposeB });

export const matmulCases = [
  first('matmul', [float(3, 5), float(5, 4)], product()),
  first('matmul, first transposed', [float(2, 5, 3), float(2, 5, 4)], product(true)),
  first('matmul, second transposed', [float(2, 3, 5), float(2, 4, 5)], product(false, true)),
  first('matmul, both transposed', [float(2, 5, 3), float(2, 4, 5)], product(true, true)),
  first('matmul, batches broadcast', [float(3, 1, 2, 5), float(2, 5, 4)], product()),
  first('matmul, both transposed, batches broadcast', [float(5, 2), float(2, 3, 4, 5)], product(true, true)),
  first('matmul, 8×12 by 12×4', [float(8, 12), float(12, 4)], product()),
  first('matmul, 33×40 by 40×36', [float(33, 40), float(40, 36)], product()),
  first(
    'matmul, second transposed, batches of 8×16',
    [float(2, 8, 16), float(2, 4, 16)],
    product(false, true),
  ),
  second('matmul', [float(3, 1, 2, 4), float(2, 3, 4)], product(false, true)),
];
