/** Sums, means, maxima and minima over axes. */
import { int, ints } from '../../onnx/graph-builder.js';
import { wholeAlong } from '../region.js';
import type { Operator, Shape, Tensor } from '../tensor.js';
import { apply1, constant, normalizeAxis, sizeOf } from '../tensor.js';
import { broadcastTo, div, equal, mul, where } from './arithmetic.js';
import { cast } from './elementwise.js';
import { reshape } from './layout.js';

interface ReductionAttributes {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

const reducedShape = (shape: Shape, axes: readonly number[], keepDims: boolean): Shape =>
  keepDims ? shape.map((n, i) => (axes.includes(i) ? 1 : n)) : shape.filter((_, i) => !axes.includes(i));

type Rule = (x: Tensor, y: Tensor, g: Tensor, axes: readonly number[]) => Tensor;

/** @param rule gets the result and its gradient with the reduced axes kept as 1 */
function reduction(name: string, onnxName: string, rule: Rule): Operator<ReductionAttributes> {
  return {
    name,
    region: wholeAlong(({ attributes }) => attributes.axes),
    infer: ([x], { axes, keepDims }) => [{ shape: reducedShape(x!.shape, axes, keepDims), dtype: x!.dtype }],
    lower({ inputs, attributes: { axes, keepDims } }, onnx) {
      const x = onnx.name(inputs[0]!);
      const keepdims = int(keepDims ? 1 : 0);
      // Before opset 18 only ReduceSum takes its axes as an input.
      if (onnxName === 'ReduceSum') return [onnx.emit(onnxName, [x, onnx.int64s(axes)], { keepdims })];
      return [onnx.emit(onnxName, [x], { axes: ints(axes), keepdims })];
    },
    gradient({ inputs, outputs, attributes: { axes } }, [g]) {
      const x = inputs[0]!;
      const kept = reducedShape(x.shape, axes, true);
      return [rule(x, reshape(outputs[0]!, kept), reshape(g!, kept), axes)];
    },
  };
}

const sumOperator = reduction('sum', 'ReduceSum', (x, _y, g) => broadcastTo(g, x.shape));
const meanOperator = reduction('mean', 'ReduceMean', (x, _y, g, axes) =>
  broadcastTo(div(g, sizeOf(axes.map((a) => x.shape[a]!))), x.shape),
);
// Equal maxima share the gradient, as in PyTorch's amax and amin.
const extreme: Rule = (x, y, g, axes) => {
  const winners = cast(equal(x, broadcastTo(y, x.shape)), 'float32');
  return mul(winners, div(g, sum(winners, axes, true)));
};
const maxOperator = reduction('max', 'ReduceMax', extreme);
const minOperator = reduction('min', 'ReduceMin', extreme);

const call =
  (operator: Operator<ReductionAttributes>) =>
  (x: Tensor, axes: readonly number[] | number = x.shape.map((_, i) => i), keepDims = false): Tensor => {
    const list = (typeof axes === 'number' ? [axes] : axes).map((a) => normalizeAxis(a, x.rank));
    if (list.length === 0) return x;
    return apply1(operator, [x], { axes: [...new Set(list)].sort((a, b) => a - b), keepDims });
  };

/** Sum over `axes` (all when not given). */
export const sum = call(sumOperator);
/** Arithmetic mean over `axes` (all when not given). */
export const mean = call(meanOperator);
/** Largest value over `axes` (all when not given). */
export const max = call(maxOperator);
/** Smallest value over `axes` (all when not given). */
export const min = call(minOperator);

const argMaxOperator: Operator<{ readonly axis: number }> = {
  name: 'argMax',
  infer: ([x], { axis }) => [{ shape: x!.shape.filter((_, i) => i !== axis), dtype: 'int64' }],
  lower({ inputs, attributes: { axis } }, onnx) {
    if (!onnx.target.allIntegers) return [onnx.compose(inputs, (x) => firstMaximum(x, axis))];
    return [onnx.emit('ArgMax', [onnx.name(inputs[0]!)], { axis: int(axis), keepdims: int(0) })];
  },
};

/** The smallest index at which x equals its maximum, as int32: ArgMax for targets without int64. */
function firstMaximum(x: Tensor, axis: number): Tensor {
  const n = x.shape[axis]!;
  const along = x.shape.map((_, i) => (i === axis ? n : 1));
  const numbers = constant(
    Int32Array.from({ length: n }, (_, i) => i),
    along,
  );
  return min(where(equal(x, max(x, axis, true)), numbers, n), axis);
}

/** The index of the largest value along `axis` (the first of equal ones), as int64. The axis is removed. */
export function argMax(x: Tensor, axis: number): Tensor {
  return apply1(argMaxOperator, [x], { axis: normalizeAxis(axis, x.rank) });
}
