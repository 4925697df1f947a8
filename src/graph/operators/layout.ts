/** Operators that move values without changing them: reshape, transpose, slice, pad, concatenate, flip. */
import { ShapeError } from '../../errors/index.js';
import { int } from '../../onnx/graph-builder.js';
import type { Lowering } from '../lowering.js';
import type { Node, Operator, Shape, Tensor } from '../tensor.js';
import { apply1, arrayOf, atScope, formatShape, normalizeAxis, sameShape, sizeOf } from '../tensor.js';

/** Emits a move of the inputs' values. Bool values are moved as int32 where the target cannot move bool. */
function move(node: Node<unknown>, onnx: Lowering, emit: (names: string[]) => string): string[] {
  const names = node.inputs.map((t) => onnx.name(t));
  if (node.inputs[0]!.dtype !== 'bool' || !onnx.target.missingOps.has('bool moves')) return [emit(names)];
  return [onnx.cast(emit(names.map((name) => onnx.cast(name, 'int32'))), 'bool')];
}

const reshapeOperator: Operator<{ readonly shape: Shape }> = {
  name: 'reshape',
  // Known where the planes stay as they are.
  region: ({ inputs, outputs }, _index, _axis, range) =>
    [2, 3].every((axis) => inputs[0]!.shape[axis] === outputs[0]!.shape[axis]) ? range : undefined,
  infer([x], { shape }) {
    if (sizeOf(shape) !== x!.size) {
      throw new ShapeError(
        `${formatShape(x!.shape)} holds ${x!.size} values and cannot become ${formatShape(shape)}${atScope()}`,
      );
    }
    return [{ shape, dtype: x!.dtype }];
  },
  lower: ({ inputs, attributes }, onnx) => [onnx.reshape(onnx.name(inputs[0]!), attributes.shape)],
  gradient: ({ inputs }, [g]) => [reshape(g!, inputs[0]!.shape)],
};

/** The same values in the same order in another shape. One size may be −1: it is computed from the others. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const free = shape.indexOf(-1);
  const rest = sizeOf(shape.filter((_, i) => i !== free));
  const full = free < 0 ? shape : shape.map((n, i) => (i === free ? x.size / rest : n));
  if (full.some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ShapeError(`${formatShape(x.shape)} cannot become ${formatShape(shape)}${atScope()}`);
  }
  return sameShape(x.shape, full) ? x : apply1(reshapeOperator, [x], { shape: full });
}

const transposeOperator: Operator<{ readonly perm: readonly number[] }> = {
  name: 'transpose',
  region: ({ attributes: { perm } }, _index, _axis, range) =>
    perm[2] === 2 && perm[3] === 3 ? range : undefined,
  infer([x], { perm }) {
    if (perm.length !== x!.rank || new Set(perm).size !== perm.length) {
      throw new ShapeError(
        `[${perm.join(', ')}] is not a permutation of the ${x!.rank} axes of ${formatShape(x!.shape)}${atScope()}`,
      );
    }
    return [{ shape: perm.map((axis) => x!.shape[axis]!), dtype: x!.dtype }];
  },
  lower: (node, onnx) => move(node, onnx, ([x]) => onnx.transpose(x!, node.attributes.perm)),
  gradient({ attributes: { perm } }, [g]) {
    return [
      transpose(
        g!,
        perm.map((_, i) => perm.indexOf(i)),
      ),
    ];
  },
};

/** Reorders the axes: axis i of the result is axis `perm[i]` of x. */
export function transpose(x: Tensor, perm: readonly number[]): Tensor {
  const order = perm.map((axis) => normalizeAxis(axis, x.rank));
  return order.every((axis, i) => axis === i) ? x : apply1(transposeOperator, [x], { perm: order });
}

export interface SliceAttributes {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly steps: readonly number[];
}

export const sliceOperator: Operator<SliceAttributes> = {
  name: 'slice',
  region: ({ attributes: { starts, steps } }, _index, axis, range) => [
    starts[axis]! + range[0] * steps[axis]!,
    starts[axis]! + range[1] * steps[axis]!,
  ],
  infer([x], { starts, ends, steps }) {
    const shape = x!.shape.map((n, i) => {
      const [start, end, step] = [starts[i]!, ends[i]!, steps[i]!];
      if (!(start >= 0 && start < end && end <= n && step >= 1)) {
        throw new ShapeError(
          `slice ${start}…${end} by ${step} is outside of axis ${i} of ${formatShape(x!.shape)}${atScope()}`,
        );
      }
      return Math.ceil((end - start) / step);
    });
    return [{ shape, dtype: x!.dtype }];
  },
  lower(node, onnx) {
    const { starts, ends, steps } = node.attributes;
    const { shape, dtype } = node.inputs[0]!;
    const axes = shape.flatMap((n, i) => (starts[i] !== 0 || ends[i] !== n || steps[i] !== 1 ? [i] : []));
    if (dtype !== 'float32' && onnx.target.missingOps.has('integer Slice')) {
      return [
        axes.reduce((x, axis) => {
          const picked: number[] = [];
          for (let i = starts[axis]!; i < ends[axis]!; i += steps[axis]!) picked.push(i);
          return onnx.emit('Gather', [x, onnx.int64s(picked)], { axis: int(axis) });
        }, onnx.name(node.inputs[0]!)),
      ];
    }
    const pick = (values: readonly number[]) => onnx.int64s(axes.map((i) => values[i]!));
    const x = onnx.name(node.inputs[0]!);
    return [onnx.emit('Slice', [x, pick(starts), pick(ends), onnx.int64s(axes), pick(steps)])];
  },
  gradient({ inputs, attributes: { starts, steps } }, [g]) {
    const from = inputs[0]!.shape;
    const spread = dilate(g!, steps);
    return [
      pad(
        spread,
        starts,
        from.map((n, i) => n - starts[i]! - spread.shape[i]!),
      ),
    ];
  },
};

/** Inserts `step − 1` zeros between neighbours along each axis. */
function dilate(x: Tensor, steps: readonly number[]): Tensor {
  let result = x;
  steps.forEach((step, axis) => {
    if (step === 1 || result.shape[axis] === 1) return;
    const n = result.shape[axis]!;
    const before = result.shape.slice(0, axis + 1);
    const after = result.shape.slice(axis + 1);
    const split = reshape(result, [...before, 1, ...after]);
    const zeros = (rank: number) => new Array<number>(rank).fill(0);
    const trailing = zeros(split.rank);
    trailing[axis + 1] = step - 1;
    const padded = reshape(pad(split, zeros(split.rank), trailing), [
      ...before.slice(0, axis),
      n * step,
      ...after,
    ]);
    result = slice(padded, axis, 0, (n - 1) * step + 1);
  });
  return result;
}

/** Part `start … end` (end not included) of one axis, every `step`-th value. */
export function slice(x: Tensor, axis: number, start: number, end: number = Infinity, step = 1): Tensor {
  const along = normalizeAxis(axis, x.rank);
  const n = x.shape[along]!;
  const starts = x.shape.map(() => 0);
  const ends = [...x.shape];
  const steps = x.shape.map(() => 1);
  starts[along] = start < 0 ? start + n : start;
  ends[along] = end < 0 ? end + n : Math.min(end, n);
  steps[along] = step;
  return sliceAll(x, starts, ends, steps);
}

/** A slice along all axes: start, end (not included) and step for each. */
export function sliceAll(
  x: Tensor,
  starts: readonly number[],
  ends: readonly number[],
  steps: readonly number[] = x.shape.map(() => 1),
): Tensor {
  const whole = x.shape.every((n, i) => starts[i] === 0 && ends[i] === n && steps[i] === 1);
  return whole ? x : apply1(sliceOperator, [x], { starts, ends, steps });
}

const padOperator: Operator<{
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly value: number;
}> = {
  name: 'pad',
  region: ({ attributes: { before } }, _index, axis, range) => [
    range[0] - before[axis]!,
    range[1] - before[axis]!,
  ],
  infer([x], { before, after }) {
    if (before.length !== x!.rank || after.length !== x!.rank || [...before, ...after].some((n) => n < 0)) {
      throw new ShapeError(
        `pad needs ${x!.rank} sizes of at least 0 before and after, one for each axis of ${formatShape(x!.shape)}${atScope()}`,
      );
    }
    return [{ shape: x!.shape.map((n, i) => n + before[i]! + after[i]!), dtype: x!.dtype }];
  },
  lower: (node, onnx) =>
    move(node, onnx, ([x]) => {
      const { before, after, value } = node.attributes;
      const { dtype } = node.inputs[0]!;
      const type = dtype === 'bool' && onnx.target.missingOps.has('bool moves') ? 'int32' : onnx.dtype(dtype);
      const filler = onnx.constant(arrayOf(type, [value]), [], type);
      return onnx.emit('Pad', [x!, onnx.int64s([...before, ...after]), filler]);
    }),
  gradient({ inputs, attributes: { before } }, [g]) {
    return [
      sliceAll(
        g!,
        before,
        inputs[0]!.shape.map((n, i) => n + before[i]!),
      ),
    ];
  },
};

/** Adds `before[i]` and `after[i]` values at the ends of each axis. */
export function pad(x: Tensor, before: readonly number[], after: readonly number[], value = 0): Tensor {
  return [...before, ...after].every((n) => n === 0) ? x : apply1(padOperator, [x], { before, after, value });
}

export const concatOperator: Operator<{ readonly axis: number }> = {
  name: 'concat',
  region: ({ attributes }, _index, axis, range) => (axis === attributes.axis ? undefined : range),
  infer(inputs, { axis }) {
    const first = inputs[0]!;
    for (const other of inputs) {
      const fits =
        other.rank === first.rank && other.shape.every((n, i) => i === axis || n === first.shape[i]);
      if (!fits || other.dtype !== first.dtype) {
        throw new ShapeError(
          `cannot concatenate ${inputs.join(' and ')} along axis ${axis}: all other sizes must be equal${atScope()}`,
        );
      }
    }
    const total = inputs.reduce((sum, t) => sum + t.shape[axis]!, 0);
    return [{ shape: first.shape.map((n, i) => (i === axis ? total : n)), dtype: first.dtype }];
  },
  lower: (node, onnx) => move(node, onnx, (names) => onnx.concat(names, node.attributes.axis)),
  recompute: {
    product: false,
    // The same axis, but counted from the end.
    lower: (node, onnx) =>
      move(node, onnx, (names) => onnx.concat(names, node.attributes.axis - node.outputs[0]!.rank)),
  },
  gradient({ inputs, attributes: { axis } }, [g]) {
    return split(
      g!,
      axis,
      inputs.map((t) => t.shape[axis]!),
    );
  },
};

/** Joins tensors along one axis. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  if (tensors.length === 1) return tensors[0]!;
  if (tensors.length === 0) throw new ShapeError(`concat needs at least one tensor${atScope()}`);
  return apply1(concatOperator, tensors, { axis: normalizeAxis(axis, tensors[0]!.rank) });
}

/** Cuts one axis into parts of the given sizes; the inverse of {@link concat}. */
export function split(x: Tensor, axis: number, sizes: readonly number[]): Tensor[] {
  const along = normalizeAxis(axis, x.rank);
  if (sizes.reduce((a, b) => a + b, 0) !== x.shape[along]) {
    throw new ShapeError(
      `sizes [${sizes.join(', ')}] do not add up to axis ${along} of ${formatShape(x.shape)}${atScope()}`,
    );
  }
  let start = 0;
  return sizes.map((size) => slice(x, along, start, (start += size)));
}

const flipOperator: Operator<{ readonly axes: readonly number[] }> = {
  name: 'flip',
  region({ inputs, attributes: { axes } }, _index, axis, range) {
    const last = inputs[0]!.shape[axis]! - 1;
    return axes.includes(axis) ? [last - range[1], last - range[0]] : range;
  },
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  lower({ inputs, attributes: { axes } }, onnx) {
    const x = inputs[0]!;
    if (onnx.target.negativeSteps) {
      const all = (value: number) => onnx.int64s(axes.map(() => value));
      const last = onnx.int64s(axes.map((axis) => x.shape[axis]! - 1));
      return [onnx.emit('Slice', [onnx.name(x), last, all(-(2 ** 31)), onnx.int64s(axes), all(-1)])];
    }
    return [
      axes.reduce((name, axis) => {
        const order = Array.from({ length: x.shape[axis]! }, (_, i) => x.shape[axis]! - 1 - i);
        return onnx.emit('Gather', [name, onnx.int64s(order)], { axis: int(axis) });
      }, onnx.name(x)),
    ];
  },
  gradient: ({ attributes }, [g]) => [flip(g!, attributes.axes)],
};

/** Reverses the order along each of `axes`. */
export function flip(x: Tensor, axes: readonly number[]): Tensor {
  const list = axes.map((axis) => normalizeAxis(axis, x.rank)).filter((axis) => x.shape[axis] !== 1);
  return list.length === 0 ? x : apply1(flipOperator, [x], { axes: list });
}
