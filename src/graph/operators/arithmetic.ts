/**
 * Arithmetic, comparison and selection of two tensors, with NumPy's broadcasting: shapes are aligned at their last axes,
 * and an axis of 1 is repeated.
 */
import { ShapeError } from '../../errors/index.js';
import type { Operator, Recomputation, Shape, Tensor } from '../tensor.js';
import { apply1, atScope, formatShape, sameShape, scalar, scalarValue } from '../tensor.js';
import { pixelwise } from '../region.js';

/** A tensor, or a number, which becomes a scalar of the other operand's type (float32 if that is a number, too). */
export type Operand = Tensor | number;

const asTensor = (x: Operand, like: Operand): Tensor =>
  typeof x === 'number' ? scalar(x, typeof like === 'number' ? 'float32' : like.dtype) : x;

/** The shape that two shapes broadcast to. */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const m = a[i - rank + a.length] ?? 1;
    const n = b[i - rank + b.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError(
        `shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: axis ${i} is ${m} in one and ${n} in the other${atScope()}`,
      );
    }
    return m === 1 ? n : m;
  });
}

/** The sum over the axes that broadcasting repeated: from the shape of the result back to `shape`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const axes = x.shape.flatMap((n, i) => (i < lead || (shape[i - lead] === 1 && n !== 1) ? [i] : []));
  return (axes.length === 0 ? x : x.sum(axes)).reshape(shape);
}

type Rule = (a: Tensor, b: Tensor, y: Tensor, g: Tensor) => [Tensor | undefined, Tensor | undefined];

function binary(name: string, onnxName: string, rule?: Rule, result?: 'bool'): Operator<null> {
  return {
    name,
    infer([a, b]) {
      if (a!.dtype !== b!.dtype) {
        throw new ShapeError(`${name} needs operands of one type, not ${a} and ${b}: cast one${atScope()}`);
      }
      return [{ shape: broadcastShapes(a!.shape, b!.shape), dtype: result ?? a!.dtype }];
    },
    region: pixelwise,
    lower: (node, onnx) => [
      onnx.emit(
        onnxName,
        node.inputs.map((t) => onnx.name(t)),
      ),
    ],
    ...(rule && {
      gradient(node, [g]) {
        const [a, b] = node.inputs as [Tensor, Tensor];
        const [ga, gb] = rule(a, b, node.outputs[0]!, g!);
        return [ga && sumTo(ga, a.shape), gb && sumTo(gb, b.shape)];
      },
    }),
  };
}

/** The same node with its operands swapped, for commutative operators. */
const swapped = (onnxName: string): Recomputation<null> => ({
  product: false,
  lower: ({ inputs }, onnx) => [onnx.emit(onnxName, inputs.map((t) => onnx.name(t)).reverse())],
});

const addOperator: Operator<null> = {
  ...binary('add', 'Add', (_a, _b, _y, g) => [g, g]),
  recompute: swapped('Add'),
};
const subOperator = binary('sub', 'Sub', (_a, _b, _y, g) => [g, g.neg()]);
const mulOperator: Operator<null> = {
  ...binary('mul', 'Mul', (a, b, _y, g) => [mul(g, b), mul(g, a)]),
  recompute: swapped('Mul'),
};
const divOperator = binary('div', 'Div', (_a, b, y, g) => [div(g, b), mul(g, div(y, b)).neg()]);
const powOperator: Operator<null> = {
  ...binary('pow', 'Pow', (a, b, y, g) => [
    mul(g, mul(b, pow(a, sub(b, 1)))),
    // Dropped where the exponent is a constant. At a = 0 the limit is 0.
    mul(g, where(greater(a, 0), mul(y, maximum(a, 1e-38).log()), 0)),
  ]),
  lower({ inputs, outputs }, onnx) {
    const { shape } = outputs[0]!;
    const names = inputs.map((t) => {
      const fits =
        t.size === 1 || sameShape(t.shape, shape) || !onnx.target.missingOps.has('broadcasting Pow');
      return fits ? onnx.name(t) : onnx.emit('Expand', [onnx.name(t), onnx.int64s(shape)]);
    });
    return [onnx.emit('Pow', names)];
  },
};
// Where both are equal, each gets half of the gradient, as in PyTorch.
const maximumOperator = binary('maximum', 'Max', (a, b, _y, g) => {
  const share = add(greater(a, b).cast('float32'), mul(equal(a, b).cast('float32'), 0.5));
  return [mul(g, share), mul(g, sub(1, share))];
});
const minimumOperator = binary('minimum', 'Min', (a, b, _y, g) => {
  const share = add(less(a, b).cast('float32'), mul(equal(a, b).cast('float32'), 0.5));
  return [mul(g, share), mul(g, sub(1, share))];
});
const greaterOperator = binary('greater', 'Greater', undefined, 'bool');
const greaterEqualOperator = binary('greaterEqual', 'GreaterOrEqual', undefined, 'bool');
const lessOperator = binary('less', 'Less', undefined, 'bool');
const lessEqualOperator = binary('lessEqual', 'LessOrEqual', undefined, 'bool');
const equalOperator: Operator<null> = {
  ...binary('equal', 'Equal', undefined, 'bool'),
  lower({ inputs }, onnx) {
    const wide = inputs[0]!.dtype === 'bool' && onnx.target.missingOps.has('bool moves');
    const names = inputs.map((t) => (wide ? onnx.cast(onnx.name(t), 'int32') : onnx.name(t)));
    return [onnx.emit('Equal', names)];
  },
};
const andOperator = binary('and', 'And', undefined, 'bool');
const orOperator: Operator<null> = {
  ...binary('or', 'Or', undefined, 'bool'),
  lower(node, onnx) {
    const [a, b] = node.inputs.map((t) => onnx.name(t)) as [string, string];
    if (!onnx.target.missingOps.has('Or')) return [onnx.emit('Or', [a, b])];
    // De Morgan: a ∨ b = ¬(¬a ∧ ¬b).
    const neither = onnx.emit('And', [onnx.emit('Not', [a]), onnx.emit('Not', [b])]);
    return [onnx.emit('Not', [neither])];
  },
};

const call = (operator: Operator<null>) => (a: Operand, b: Operand) =>
  apply1(operator, [asTensor(a, b), asTensor(b, a)], null);

/** a + b */
export const add = call(addOperator);
/** a − b */
export const sub = call(subOperator);
/** a · b, element by element */
export const mul = call(mulOperator);
/** a ÷ b */
export const div = call(divOperator);
/** The larger of a and b. */
export const maximum = call(maximumOperator);
/** The smaller of a and b. */
export const minimum = call(minimumOperator);
export const greater = call(greaterOperator);
export const greaterEqual = call(greaterEqualOperator);
export const less = call(lessOperator);
export const lessEqual = call(lessEqualOperator);
export const equal = call(equalOperator);
export const logicalAnd = call(andOperator);
export const logicalOr = call(orOperator);

/** a to the power b. For constant exponents 0, 1, 2 and ½ cheaper operators are used. */
export function pow(a: Tensor, b: Operand): Tensor {
  const exponent = typeof b === 'number' ? b : scalarValue(b);
  if (exponent === 0) return broadcastTo(scalar(1), a.shape);
  if (exponent === 1) return a;
  if (exponent === 2) return mul(a, a);
  if (exponent === 0.5) return a.sqrt();
  return apply1(powOperator, [a, asTensor(b, a)], null);
}

const whereOperator: Operator<null> = {
  name: 'where',
  region: pixelwise,
  infer([condition, a, b]) {
    if (condition!.dtype !== 'bool' || a!.dtype !== b!.dtype) {
      throw new ShapeError(
        `where needs a bool and two tensors of one type, not ${condition}, ${a}, ${b}${atScope()}`,
      );
    }
    const shape = broadcastShapes(broadcastShapes(condition!.shape, a!.shape), b!.shape);
    return [{ shape, dtype: a!.dtype }];
  },
  lower: (node, onnx) => [
    onnx.emit(
      'Where',
      node.inputs.map((t) => onnx.name(t)),
    ),
  ],
  recompute: {
    product: false,
    lower: ({ inputs }, onnx) => {
      const [condition, a, b] = inputs.map((t) => onnx.name(t)) as [string, string, string];
      return [onnx.emit('Where', [onnx.emit('Not', [condition]), b, a])];
    },
  },
  gradient(node, [g]) {
    const [condition, a, b] = node.inputs as [Tensor, Tensor, Tensor];
    return [undefined, sumTo(where(condition, g!, 0), a.shape), sumTo(where(condition, 0, g!), b.shape)];
  },
};

/** `a` where the condition holds, else `b`. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return apply1(whereOperator, [condition, asTensor(a, b), asTensor(b, a)], null);
}

const broadcastOperator: Operator<{ readonly shape: Shape }> = {
  name: 'broadcastTo',
  region: pixelwise,
  infer([x], { shape }) {
    if (!sameShape(broadcastShapes(x!.shape, shape), shape)) {
      throw new ShapeError(
        `${formatShape(x!.shape)} cannot be broadcast to ${formatShape(shape)}${atScope()}`,
      );
    }
    return [{ shape, dtype: x!.dtype }];
  },
  lower: ({ inputs, attributes }, onnx) => [
    onnx.emit('Expand', [onnx.name(inputs[0]!), onnx.int64s(attributes.shape)]),
  ],
  gradient: ({ inputs }, [g]) => [sumTo(g!, inputs[0]!.shape)],
};

/** Repeats axes of size 1, and adds axes in front, until the tensor has `shape`. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : apply1(broadcastOperator, [x], { shape });
}
