/** Shape rules and their messages, of the operators that have few. */
import { describe, expect, test } from 'vitest';
import { ShapeError } from '../../errors/index.js';
import {
  argMax,
  batchNorm,
  batchStatistics,
  clip,
  dropout,
  exp,
  gather,
  input,
  logicalNot,
  logSoftmax,
  matmul,
  max,
  mean,
  neg,
  oneHot,
  resize,
  softmax,
  sum,
  withScope,
} from '../index.js';

const x = input('x', [2, 3, 4, 5]);
const [ints, flags] = [input('i', [2, 7], 'int32'), input('b', [2, 7], 'bool')];

describe('shapes', () => {
  test('of reductions, kept or not, over axes given once', () => {
    expect(sum(x).shape).toEqual([]);
    expect(mean(x, [2, 3]).shape).toEqual([2, 3]);
    expect(max(x, [0, -1], true).shape).toEqual([1, 3, 4, 1]);
    expect(sum(x, [1, 1, -3]).shape).toEqual([2, 4, 5]);
    expect(sum(x, [])).toBe(x);
    expect(argMax(x, 1)).toMatchObject({ shape: [2, 4, 5], dtype: 'int64' });
  });

  test('of matrix products, transposed and broadcast', () => {
    expect(matmul(input('a', [7, 1, 2, 3]), input('b', [4, 3, 5])).shape).toEqual([7, 4, 2, 5]);
    const both = { transposeA: true, transposeB: true };
    expect(matmul(input('a', [3, 2]), input('b', [5, 3]), both).shape).toEqual([2, 5]);
  });

  test('of indexing', () => {
    expect(gather(x, ints, 2).shape).toEqual([2, 3, 2, 7, 5]);
    expect(oneHot(ints, 9, 1)).toMatchObject({ shape: [2, 9, 7], dtype: 'float32' });
    expect(oneHot(ints, 9, -1).shape).toEqual([2, 7, 9]);
  });

  test('of batch statistics, and of all that keeps its shape', () => {
    expect(batchStatistics(x).variance.shape).toEqual([3]);
    const keep = input('mask', [2, 3, 4, 5], 'bool');
    for (const y of [softmax(x, 1), logSoftmax(x, -1), exp(x), clip(x, 0, 1), dropout(x, keep, 0.5)]) {
      expect(y.shape).toEqual(x.shape);
    }
    expect(neg(ints).dtype).toBe('int32');
  });

  test('of resizing, which to the same size is nothing', () => {
    expect(resize(x, [8, 3], { mode: 'bilinear' }).shape).toEqual([2, 3, 8, 3]);
    expect(resize(x, [4, 5])).toBe(x);
  });
});

describe('errors say', () => {
  test.each([
    [
      'which inner sizes differ',
      () => matmul(input('a', [2, 3]), input('b', [2, 3])),
      'matmul of 2×3 and 2×3: the inner sizes 3 and 2 differ',
    ],
    [
      'that matmul takes matrices',
      () => matmul(input('a', [3]), x),
      'matmul needs matrices, not 3 and 2×3×4×5',
    ],
    ['which axis there is none of', () => softmax(x, 4), 'axis 4 does not exist in a tensor of rank 4'],
    [
      'how many channels batch norm has',
      () => {
        const v = input('v', [4]);
        return batchNorm(x, v, v, v, v);
      },
      'batch norm of 2×3×4×5 needs vectors of 3 channels, not 4',
    ],
    [
      'what a size must be',
      () => resize(x, [0, 5]),
      'resize needs N×C×H×W and a size of at least 1×1, not 2×3×4×5 and 0×5',
    ],
    ['which indices gather takes', () => gather(x, x, 0), 'gather needs int32 or int64 indices'],
    ['what can be one-hot', () => oneHot(x, 3, 1), 'oneHot needs integers, not float32 2×3×4×5'],
    ['that bounds are in order', () => clip(x, 1, 0), 'clip needs min ≤ max, not 1 and 0'],
    ['that a function takes floats', () => exp(ints), 'exp needs float32, not int32 2×7: cast it'],
    ['that a function takes numbers', () => neg(flags), 'neg needs numbers, not bool 2×7: cast it'],
    ['that a function takes bool', () => logicalNot(ints), 'not needs bool, not int32 2×7: cast it'],
  ])('%s', (_, call, message) => {
    const inLayer = () => withScope('up.2.norm1', call);
    expect(inLayer).toThrow(ShapeError);
    expect(inLayer).toThrow(message);
    expect(inLayer).toThrow('(in layer up.2.norm1)');
  });
});
