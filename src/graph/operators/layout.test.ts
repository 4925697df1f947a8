import { describe, expect, test } from 'vitest';
import { ShapeError } from '../../errors/index.js';
import { concat, flip, input, pad, reshape, slice, sliceAll, split, transpose, withScope } from '../index.js';

const x = input('x', [2, 3, 4]);
const inLayer = (body: () => unknown) => () => withScope('head', body);

describe('shapes', () => {
  test('reshape works out one size', () => {
    expect(reshape(x, [-1, 4]).shape).toEqual([6, 4]);
    expect(reshape(x, [2, -1, 2, 2]).shape).toEqual([2, 3, 2, 2]);
  });

  test('transpose orders axes, counted from either end', () => {
    expect(transpose(x, [2, 0, 1]).shape).toEqual([4, 2, 3]);
    expect(transpose(x, [0, -1, -2]).shape).toEqual([2, 4, 3]);
  });

  test('slice takes every step-th, from either end', () => {
    expect(slice(x, 2, 1).shape).toEqual([2, 3, 3]);
    expect(slice(x, -1, -3, -1).shape).toEqual([2, 3, 2]);
    expect(slice(x, 2, 0, 4, 3).shape).toEqual([2, 3, 2]);
    expect(sliceAll(x, [0, 1, 0], [2, 3, 3], [1, 1, 2]).shape).toEqual([2, 2, 2]);
  });

  test('pad, concat, split and flip', () => {
    expect(pad(x, [0, 1, 0], [0, 0, 5]).shape).toEqual([2, 4, 9]);
    expect(concat([x, input('y', [2, 5, 4])], 1).shape).toEqual([2, 8, 4]);
    expect(split(x, -1, [1, 3]).map((part) => part.shape)).toEqual([
      [2, 3, 1],
      [2, 3, 3],
    ]);
    expect(flip(x, [0]).shape).toEqual([2, 3, 4]);
  });

  test('what changes nothing makes no node', () => {
    expect(reshape(x, [2, 3, 4])).toBe(x);
    expect(transpose(x, [0, 1, 2])).toBe(x);
    expect(slice(x, 1, 0)).toBe(x);
    expect(pad(x, [0, 0, 0], [0, 0, 0])).toBe(x);
    expect(concat([x], 0)).toBe(x);
    expect(flip(x, [])).toBe(x);
  });
});

describe('layout says', () => {
  test.each([
    ['how many values there are', () => reshape(x, [5, 5]), '2×3×4 holds 24 values and cannot become 5×5'],
    ['that a free size is not whole', () => reshape(x, [5, -1]), '2×3×4 cannot become 5×-1'],
    [
      'that axes come once',
      () => transpose(x, [0, 0, 1]),
      '[0, 0, 1] is not a permutation of the 3 axes of 2×3×4',
    ],
    ['where a slice lies', () => slice(x, 1, 2, 2), 'slice 2…2 by 1 is outside of axis 1 of 2×3×4'],
    ['that steps go forwards', () => slice(x, 1, 0, 2, -1), 'slice 0…2 by -1 is outside of axis 1 of 2×3×4'],
    ['how many sizes to pad', () => pad(x, [1], [1]), 'pad needs 3 sizes of at least 0 before and after'],
    [
      'which tensors do not join',
      () => concat([x, input('y', [2, 3, 5])], 1),
      'cannot concatenate float32 2×3×4 and float32 2×3×5 along axis 1: all other sizes must be equal',
    ],
    ['that concat needs tensors', () => concat([], 0), 'concat needs at least one tensor'],
    ['what parts must add up to', () => split(x, 2, [1, 2]), 'sizes [1, 2] do not add up to axis 2 of 2×3×4'],
    ['which axis there is none of', () => flip(x, [3]), 'axis 3 does not exist in a tensor of rank 3'],
  ])('%s', (_, call, message) => {
    expect(inLayer(call)).toThrow(ShapeError);
    expect(inLayer(call)).toThrow(`${message}`);
    expect(inLayer(call)).toThrow('(in layer head)');
  });
});
