/** Reading and adding by index, and class indices as one-hot planes. */
import { ShapeError } from '../../errors/index.js';
import { int, text } from '../../onnx/graph-builder.js';
import type { Operator, Shape, Tensor } from '../tensor.js';
import { apply1, arrayOf, atScope, constant, formatShape, normalizeAxis } from '../tensor.js';
import { equal } from './arithmetic.js';
import { cast } from './elementwise.js';
import { reshape, transpose } from './layout.js';
import { matmul } from './matmul.js';

const gatherOperator: Operator<{ readonly axis: number }> = {
  name: 'gather',
  infer([x, indices], { axis }) {
    if (indices!.dtype !== 'int32' && indices!.dtype !== 'int64') {
      throw new ShapeError(`gather needs int32 or int64 indices, not ${indices}${atScope()}`);
    }
    const { shape } = x!;
    return [
      { shape: [...shape.slice(0, axis), ...indices!.shape, ...shape.slice(axis + 1)], dtype: x!.dtype },
    ];
  },
  lower: ({ inputs, attributes }, onnx) => [
    onnx.emit('Gather', [onnx.name(inputs[0]!), onnx.name(inputs[1]!)], { axis: int(attributes.axis) }),
  ],
  gradient({ inputs, attributes: { axis } }, [g]) {
    const [x, indices] = inputs as [Tensor, Tensor];
    const rest = x.shape.filter((_, i) => i !== axis);
    // Move the indexed axes to the front, and add every row to the row that it was read from.
    const inFront = [...indices.shape.map((_, i) => axis + i), ...x.shape.slice(0, axis).map((_, i) => i)];
    const perm = [...inFront, ...g!.shape.map((_, i) => i).filter((i) => !inFront.includes(i))];
    const rows = reshape(transpose(g!, perm), [indices.size, rest.reduce((a, b) => a * b, 1)]);
    const sums = apply1(scatterAddOperator, [rows, reshape(indices, [indices.size])], {
      size: x.shape[axis]!,
    });
    const back = x.shape.map((_, i) => (i === axis ? 0 : i < axis ? i + 1 : i));
    return [transpose(reshape(sums, [x.shape[axis]!, ...rest]), back), undefined];
  },
};

/** Takes entries of `x` along `axis`; the axes of `indices` replace this axis. Indices are not checked. */
export function gather(x: Tensor, indices: Tensor, axis: number): Tensor {
  return apply1(gatherOperator, [x, indices], { axis: normalizeAxis(axis, x.rank) });
}

const scatterAddOperator: Operator<{ readonly size: number }> = {
  name: 'scatterAdd',
  infer: ([rows], { size }) => [{ shape: [size, rows!.shape[1]!], dtype: rows!.dtype }],
  lower({ inputs, attributes: { size } }, onnx) {
    const [rows, indices] = inputs as [Tensor, Tensor];
    if (!onnx.target.indexedPooling) {
      // Σ over rows of onehot(index) · row, as one matrix product.
      return [onnx.compose(inputs, (r, i) => matmul(oneHot(i, size, 1), r, { transposeA: true }))];
    }
    const width = rows.shape[1]!;
    const zeros = onnx.emit('Expand', [onnx.scalar(0), onnx.int64s([size, width])]);
    const places = onnx.emit('Expand', [
      onnx.reshape(onnx.name(indices), [indices.size, 1]),
      onnx.int64s([indices.size, width]),
    ]);
    return [
      onnx.emit('ScatterElements', [zeros, places, onnx.name(rows)], {
        axis: int(0),
        reduction: text('add'),
      }),
    ];
  },
  gradient: ({ inputs }, [g]) => [gather(g!, inputs[1]!, 0), undefined],
};

const oneHotOperator: Operator<{ readonly classes: number; readonly axis: number }> = {
  name: 'oneHot',
  infer([indices], { classes, axis }) {
    const shape: Shape = [...indices!.shape.slice(0, axis), classes, ...indices!.shape.slice(axis)];
    if (indices!.dtype === 'float32' || indices!.dtype === 'bool') {
      throw new ShapeError(
        `oneHot needs integers, not ${indices!.dtype} ${formatShape(indices!.shape)}${atScope()}`,
      );
    }
    return [{ shape, dtype: 'float32' }];
  },
  lower({ inputs, attributes: { classes, axis } }, onnx) {
    return [
      onnx.compose(inputs, (indices) => {
        const column = reshape(cast(indices, 'int32'), [
          ...indices.shape.slice(0, axis),
          1,
          ...indices.shape.slice(axis),
        ]);
        const numbers = arrayOf(
          'int32',
          Array.from({ length: classes }, (_, k) => k),
        );
        const along = column.shape.map((_, i) => (i === axis ? classes : 1));
        return cast(equal(column, constant(numbers, along)), 'float32');
      }),
    ];
  },
};

/**
 * Planes of 0 and 1 for class indices: N×H×W becomes N×classes×H×W at `axis` 1. An index outside of
 * 0 … classes − 1 (an ignored pixel) is 0 in every plane.
 */
export function oneHot(indices: Tensor, classes: number, axis: number): Tensor {
  return apply1(oneHotOperator, [indices], { classes, axis: normalizeAxis(axis, indices.rank + 1) });
}
