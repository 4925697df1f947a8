import { describe, expect, it } from 'vitest';
import type { Tensor } from '../index.js';
import {
  add,
  adaptiveAvgPool2d,
  avgPool2d,
  batchNorm,
  batchStatistics,
  concat,
  constant,
  conv2d,
  convTranspose2d,
  cumulativeSum,
  flip,
  foreign,
  gather,
  globalAvgPool2d,
  groupNorm,
  input,
  logSoftmax,
  max,
  maxPool2d,
  mul,
  pad,
  receptiveField,
  relu,
  reshape,
  resize,
  sigmoid,
  slice,
  softmax,
  topK,
  transpose,
} from '../index.js';

const image = input('image', [1, 2, 24, 24]);
const fieldOf = (f: (x: Tensor) => Tensor) => receptiveField(f(image), image);
const weight = (size: number) => input(`weight${size}`, [2, 2, size, size]);

describe('receptiveField', () => {
  it('grows by what windows add', () => {
    expect(fieldOf((x) => relu(x))).toEqual([1, 1]);
    expect(fieldOf((x) => conv2d(x, weight(3), undefined, { padding: 1 }))).toEqual([3, 3]);
    expect(fieldOf((x) => conv2d(x, weight(3), undefined, { dilation: [1, 4] }))).toEqual([3, 9]);
    expect(fieldOf((x) => conv2d(maxPool2d(x, 2), weight(3)))).toEqual([6, 6]);
    expect(fieldOf((x) => avgPool2d(avgPool2d(x, 2), 3))).toEqual([6, 6]);
    expect(fieldOf((x) => convTranspose2d(x, weight(2), undefined, { stride: 2 }))).toEqual([1, 1]);
    expect(fieldOf((x) => resize(x, [12, 48], { mode: 'bilinear' }))).toEqual([2, 2]);
    expect(fieldOf((x) => resize(x, [12, 48], { mode: 'bilinear', alignCorners: true }))).toEqual([2, 2]);
  });

  it('stays where values are moved, and joins the paths that meet', () => {
    expect(fieldOf((x) => flip(slice(pad(x, [0, 0, 1, 1], [0, 0, 1, 1]), 2, 1, 20), [3]))).toEqual([1, 1]);
    expect(fieldOf((x) => concat([x, conv2d(x, weight(5), undefined, { padding: 2 })], 1))).toEqual([5, 5]);
    expect(fieldOf((x) => reshape(transpose(x, [1, 0, 2, 3]), [1, 2, 24, 24]))).toEqual([1, 1]);
  });

  it('is the whole axis where an operator reads all of it', () => {
    // A softmax over the width was once taken as pixelwise.
    for (const operator of [softmax, logSoftmax]) {
      expect(fieldOf((x) => operator(x, 1))).toEqual([1, 1]);
      expect(fieldOf((x) => operator(x, 3))).toBe('global');
      expect(fieldOf((x) => operator(x, 2))).toBe('global');
    }
    expect(fieldOf((x) => cumulativeSum(x))).toBe('global');
    expect(fieldOf((x) => topK(x, 24).values)).toBe('global');
    expect(fieldOf((x) => mul(x, max(x, 3, true)))).toBe('global');
    expect(fieldOf((x) => mul(x, sigmoid(globalAvgPool2d(x))))).toBe('global');
    expect(fieldOf((x) => adaptiveAvgPool2d(x, 7))).toBe('global');
  });

  it('is unknown behind an operator that does not declare what it reads', () => {
    expect(fieldOf((x) => transpose(x, [0, 1, 3, 2]))).toBeUndefined();
    expect(fieldOf((x) => reshape(x, [1, 2, 12, 48]))).toBeUndefined();
    expect(fieldOf((x) => gather(x, constant(Int32Array.from({ length: 24 }), [24]), 3))).toBeUndefined();
    const graph = { nodes: [], initializers: [], inputs: ['x'], outputs: ['x'] };
    expect(fieldOf((x) => foreign(graph, [x], [{ shape: x.shape, dtype: 'float32' }])[0]!)).toBeUndefined();
    // Through tensors that are not N×C×H×W, as in attention. This path was once left out silently.
    const attended = (x: Tensor) => add(x, reshape(softmax(reshape(x, [2, 576]), 1), [1, 2, 24, 24]));
    expect(fieldOf(attended)).toBeUndefined();
    expect(receptiveField(relu(input('other', [1, 2, 24, 24])), image)).toBeUndefined();
  });

  it('does not count the statistics of norms', () => {
    const normed = (x: Tensor) => {
      const { mean, variance } = batchStatistics(x);
      const [scale, shift] = [input('scale', [2]), input('shift', [2])];
      return batchNorm(x, scale, shift, mean, variance);
    };
    expect(fieldOf(normed)).toEqual([1, 1]);
    expect(fieldOf((x) => groupNorm(conv2d(x, weight(3)), 2))).toEqual([3, 3]);
  });
});
