/**
 * The operators as methods of tensors, so that expressions read from left to right: `x.mul(y).sum()`. The interface is
 * merged into `Tensor`. Loading this file installs the methods; every file that lowers or differentiates loads it. An
 * operator whose gradient needs operators that import it calls them as methods, so that there is no import cycle.
 */
import { gelu, leakyRelu, relu, relu6, silu } from './operators/activations.js';
import type { Operand } from './operators/arithmetic.js';
import {
  add,
  broadcastTo,
  div,
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  maximum,
  minimum,
  mul,
  pow,
  sub,
  where,
} from './operators/arithmetic.js';
import {
  abs,
  cast,
  clip,
  erf,
  exp,
  log,
  neg,
  sigmoid,
  sign,
  softplus,
  sqrt,
  stopGradient,
  tanh,
} from './operators/elementwise.js';
import { gather } from './operators/indexing.js';
import { flip, pad, reshape, slice, split, transpose } from './operators/layout.js';
import { matmul } from './operators/matmul.js';
import { argMax, max, mean, min, sum } from './operators/reduction.js';
import { logSoftmax, softmax } from './operators/softmax.js';
import type { DType, Shape } from './tensor.js';
import { Tensor } from './tensor.js';

/** Each method calls the function of its name with the tensor as first parameter. */
export interface TensorMethods {
  /** this + other */
  add(other: Operand): Tensor;
  /** this − other */
  sub(other: Operand): Tensor;
  /** this · other, element by element */
  mul(other: Operand): Tensor;
  /** this ÷ other */
  div(other: Operand): Tensor;
  /** This to the power of an exponent. */
  pow(exponent: Operand): Tensor;
  /** The larger of both. */
  maximum(other: Operand): Tensor;
  /** The smaller of both. */
  minimum(other: Operand): Tensor;
  greater(other: Operand): Tensor;
  greaterEqual(other: Operand): Tensor;
  less(other: Operand): Tensor;
  lessEqual(other: Operand): Tensor;
  equal(other: Operand): Tensor;
  /** `a` where this tensor of bool is true, else `b`. */
  where(a: Operand, b: Operand): Tensor;
  neg(): Tensor;
  exp(): Tensor;
  /** Natural logarithm. */
  log(): Tensor;
  sqrt(): Tensor;
  abs(): Tensor;
  sign(): Tensor;
  tanh(): Tensor;
  /** The error function. */
  erf(): Tensor;
  sigmoid(): Tensor;
  softplus(): Tensor;
  relu(): Tensor;
  relu6(): Tensor;
  leakyRelu(slope?: number): Tensor;
  silu(): Tensor;
  gelu(): Tensor;
  /** This held between `min` and `max`. */
  clip(min: number, max: number): Tensor;
  /** The same values in another element type. */
  cast(to: DType): Tensor;
  /** The same values; no gradient flows back. */
  detach(): Tensor;
  /** Sum over `axes` (all when not given). */
  sum(axes?: readonly number[] | number, keepDims?: boolean): Tensor;
  /** Arithmetic mean over `axes` (all when not given). */
  mean(axes?: readonly number[] | number, keepDims?: boolean): Tensor;
  /** Largest value over `axes` (all when not given). */
  max(axes?: readonly number[] | number, keepDims?: boolean): Tensor;
  /** Smallest value over `axes` (all when not given). */
  min(axes?: readonly number[] | number, keepDims?: boolean): Tensor;
  /** The index of the largest value along `axis`, as int64; the axis is removed. */
  argMax(axis: number): Tensor;
  softmax(axis: number): Tensor;
  logSoftmax(axis: number): Tensor;
  /** The matrix product over the last two axes. */
  matmul(other: Tensor): Tensor;
  /** The same values in another shape; one size may be −1. */
  reshape(shape: Shape): Tensor;
  /** Axis i of the result is axis `perm[i]` of this. */
  transpose(perm: readonly number[]): Tensor;
  /** Repeats axes of size 1 until the tensor has `shape`. */
  broadcastTo(shape: Shape): Tensor;
  /** Part `start … end` (end not included) of one axis, every `step`-th value. */
  slice(axis: number, start: number, end?: number, step?: number): Tensor;
  /** Cuts one axis into parts of the given sizes. */
  split(axis: number, sizes: readonly number[]): Tensor[];
  /** Adds `before[i]` and `after[i]` values at the ends of each axis. */
  pad(before: readonly number[], after: readonly number[], value?: number): Tensor;
  /** Reverses the order along each of `axes`. */
  flip(axes: readonly number[]): Tensor;
  /** Takes entries along `axis`; the axes of `indices` replace it. */
  gather(indices: Tensor, axis: number): Tensor;
}

/** A method as a function: the tensor first, then the method's parameters. */
type AsFunction<M> = M extends (...rest: infer Rest) => infer Result
  ? (x: Tensor, ...rest: Rest) => Result
  : never;

const METHODS: { readonly [Name in keyof TensorMethods]: AsFunction<TensorMethods[Name]> } = {
  detach: stopGradient,
  where,
  add,
  sub,
  mul,
  div,
  pow,
  maximum,
  minimum,
  greater,
  greaterEqual,
  less,
  lessEqual,
  equal,
  broadcastTo,
  neg,
  exp,
  log,
  sqrt,
  abs,
  sign,
  tanh,
  erf,
  sigmoid,
  softplus,
  clip,
  cast,
  relu,
  relu6,
  leakyRelu,
  silu,
  gelu,
  sum,
  mean,
  max,
  min,
  argMax,
  softmax,
  logSoftmax,
  matmul,
  reshape,
  transpose,
  slice,
  split,
  pad,
  flip,
  gather,
};

for (const [name, method] of Object.entries(METHODS)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: unknown[]) {
      return (method as (x: Tensor, ...rest: unknown[]) => unknown)(this, ...rest);
    },
  });
}
