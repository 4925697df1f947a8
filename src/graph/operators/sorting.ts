/** Along the last axis: the largest entries, cumulative sums, and reading by an index for each entry. */
import { ShapeError } from '../../errors/index.js';
import { int, text } from '../../onnx/graph-builder.js';
import { wholeAlong } from '../region.js';
import type { Operator, Tensor } from '../tensor.js';
import { apply, apply1, atScope, formatShape } from '../tensor.js';

const topKOperator: Operator<{ readonly k: number }> = {
  name: 'topK',
  region: wholeAlong(({ inputs }) => [inputs[0]!.rank - 1]),
  infer([x], { k }) {
    const { shape } = x!;
    const length = shape.at(-1);
    if (length === undefined || !Number.isInteger(k) || k < 1 || k > length) {
      throw new ShapeError(
        `topK of ${formatShape(shape)} takes 1 to ${length ?? 0} entries, not ${k}${atScope()}`,
      );
    }
    const taken = [...shape.slice(0, -1), k];
    return [
      { shape: taken, dtype: x!.dtype },
      { shape: taken, dtype: 'int64' },
    ];
  },
  lower({ inputs, attributes: { k } }, onnx) {
    const x = inputs[0]!;
    const found = onnx.emitMany('TopK', [onnx.name(x), onnx.int64s([k])], 2, {
      axis: int(-1),
      largest: int(1),
      sorted: int(1),
    });
    if (onnx.target.allIntegers) return found;
    // WebGPU cannot cast int64, but can gather by it: entry i of 0, 1, 2, … is i as int32.
    const length = x.shape.at(-1)!;
    const numbers = onnx.constant(
      Int32Array.from({ length }, (_, i) => i),
      [length],
      'int32',
    );
    return [found[0]!, onnx.emit('Gather', [numbers, found[1]!], { axis: int(0) })];
  },
  gradient({ inputs, outputs }, [g]) {
    return [g && scatterAddElements(g, outputs[1]!, inputs[0]!.shape.at(-1)!)];
  },
};

/** The `k` largest entries along the last axis, largest first (of equal ones, the first), and their indices. */
export function topK(x: Tensor, k: number): { values: Tensor; indices: Tensor } {
  const [values, indices] = apply(topKOperator, [x], { k }) as [Tensor, Tensor];
  return { values, indices };
}

const gatherElementsOperator: Operator<null> = {
  name: 'gatherElements',
  infer([x, indices]) {
    const [a, b] = [x!.shape, indices!.shape];
    if (a.length !== b.length || a.slice(0, -1).join() !== b.slice(0, -1).join()) {
      throw new ShapeError(
        `gatherElements of ${formatShape(a)} needs indices of the same shape except for the last axis, not ${formatShape(b)}${atScope()}`,
      );
    }
    return [{ shape: b, dtype: x!.dtype }];
  },
  lower({ inputs }, onnx) {
    const names = inputs.map((t) => onnx.name(t));
    return [onnx.emit('GatherElements', names, { axis: int(-1) })];
  },
  gradient: ({ inputs }, [g]) => [scatterAddElements(g!, inputs[1]!, inputs[0]!.shape.at(-1)!), undefined],
};

/** Takes entries of `x` by `indices` (int64) along the last axis: result[…, j] = x[…, indices[…, j]]. */
export function gatherElements(x: Tensor, indices: Tensor): Tensor {
  return apply1(gatherElementsOperator, [x, indices], null);
}

const scatterAddElementsOperator: Operator<{ readonly length: number }> = {
  name: 'scatterAddElements',
  infer: ([x], { length }) => [{ shape: [...x!.shape.slice(0, -1), length], dtype: x!.dtype }],
  lower({ inputs, outputs }, onnx) {
    const [x, indices] = inputs.map((t) => onnx.name(t)) as [string, string];
    const zeros = onnx.emit('Expand', [onnx.scalar(0), onnx.int64s(outputs[0]!.shape)]);
    return [onnx.emit('ScatterElements', [zeros, indices, x], { axis: int(-1), reduction: text('add') })];
  },
  gradient: ({ inputs }, [g]) => [gatherElements(g!, inputs[1]!), undefined],
};

/** The transpose of {@link gatherElements}: adds every entry at its index to zeros of the given length. */
function scatterAddElements(x: Tensor, indices: Tensor, length: number): Tensor {
  return apply1(scatterAddElementsOperator, [x, indices], { length });
}

interface CumulativeSumAttributes {
  /** Whether to sum from the end. */
  readonly reverse: boolean;
  /** Whether an entry is not part of its own sum. */
  readonly exclusive: boolean;
}

const cumulativeSumOperator: Operator<CumulativeSumAttributes> = {
  name: 'cumulativeSum',
  region: wholeAlong(({ inputs }) => [inputs[0]!.rank - 1]),
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  lower({ inputs, attributes }, onnx) {
    const flag = (on: boolean) => int(on ? 1 : 0);
    return [
      onnx.emit('CumSum', [onnx.name(inputs[0]!), onnx.int64s([inputs[0]!.rank - 1])], {
        reverse: flag(attributes.reverse),
        exclusive: flag(attributes.exclusive),
      }),
    ];
  },
  gradient: ({ attributes }, [g]) => [cumulativeSum(g!, { ...attributes, reverse: !attributes.reverse })],
};

/** Cumulative sums along the last axis. */
export function cumulativeSum(x: Tensor, options: Partial<CumulativeSumAttributes> = {}): Tensor {
  return apply1(cumulativeSumOperator, [x], { reverse: false, exclusive: false, ...options });
}
