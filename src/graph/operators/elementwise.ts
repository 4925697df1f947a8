/** Functions of one tensor, element by element, and the casts between element types. */
import { ShapeError } from '../../errors/index.js';
import type { Lowering } from '../lowering.js';
import { float } from '../lowering.js';
import type { DType, Operator, Tensor } from '../tensor.js';
import { apply1, atScope, requireFloat } from '../tensor.js';
import {
  add,
  div,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  maximum,
  mul,
  sub,
  where,
} from './arithmetic.js';

type Lower = (x: string, onnx: Lowering) => string;
/** The gradient of the input, from the input, the result and the result's gradient. */
type Rule = (x: Tensor, y: Tensor, g: Tensor) => Tensor | undefined;

/** What a function takes: floating point only, unless said otherwise. */
type Accepted = 'float' | 'number' | 'bool' | 'any';

function checkType(name: string, x: Tensor, accepted: Accepted): void {
  if (accepted === 'float') requireFloat(name, x);
  if (accepted === 'any' || (accepted === 'bool') === (x.dtype === 'bool')) return;
  throw new ShapeError(
    `${name} needs ${accepted === 'bool' ? 'bool' : 'numbers'}, not ${x}: cast it${atScope()}`,
  );
}

function unary(
  name: string,
  lower: string | Lower,
  rule: Rule,
  accepted: Accepted = 'float',
): Operator<null> {
  return {
    name,
    infer([x]) {
      checkType(name, x!, accepted);
      return [{ shape: x!.shape, dtype: x!.dtype }];
    },
    lower: ({ inputs }, onnx) => {
      const x = onnx.name(inputs[0]!);
      return [typeof lower === 'string' ? onnx.emit(lower, [x]) : lower(x, onnx)];
    },
    gradient: ({ inputs, outputs }, [g]) => [rule(inputs[0]!, outputs[0]!, g!)],
  };
}

/** Lowers to `onnxName`, or, for integers where the target has it for floats alone, to `instead`. */
const integerGap =
  (onnxName: string, instead: (x: Tensor) => Tensor): Operator<null>['lower'] =>
  ({ inputs }, onnx) =>
    inputs[0]!.dtype !== 'float32' && onnx.target.gaps.has('integer Neg')
      ? [onnx.compose(inputs, instead)]
      : [onnx.emit(onnxName, [onnx.name(inputs[0]!)])];

const of = (operator: Operator<null>) => (x: Tensor) => apply1(operator, [x], null);

/** −x */
export const neg = of({
  ...unary('neg', 'Neg', (_x, _y, g) => neg(g), 'number'),
  lower: integerGap('Neg', (x) => sub(0, x)),
});
/** eˣ */
export const exp = of(unary('exp', 'Exp', (_x, y, g) => mul(g, y)));
/** Natural logarithm. */
export const log = of(unary('log', 'Log', (x, _y, g) => div(g, x)));
export const sqrt = of(unary('sqrt', 'Sqrt', (_x, y, g) => div(g, mul(y, 2))));
export const abs = of({
  ...unary('abs', 'Abs', (x, _y, g) => mul(g, sign(x)), 'number'),
  lower: integerGap('Abs', (x) => maximum(x, sub(0, x))),
});
/** −1, 0 or 1. */
export const sign = of({
  ...unary('sign', 'Sign', () => undefined, 'number'),
  lower: (node, onnx) =>
    onnx.target.gaps.has('Sign')
      ? [onnx.compose(node.inputs, (x) => sub(cast(greater(x, 0), x.dtype), cast(less(x, 0), x.dtype)))]
      : [onnx.emit('Sign', [onnx.name(node.inputs[0]!)])],
});
export const tanh = of(unary('tanh', 'Tanh', (_x, y, g) => mul(g, sub(1, mul(y, y)))));
/** 1 ÷ (1 + e⁻ˣ) */
export const sigmoid = of(unary('sigmoid', 'Sigmoid', (_x, y, g) => mul(g, mul(y, sub(1, y)))));
/** log(1 + eˣ), without overflow. */
export const softplus = of(unary('softplus', 'Softplus', (x, _y, g) => mul(g, sigmoid(x))));
export const logicalNot = of(unary('not', 'Not', () => undefined, 'bool'));
/** The same values; no gradient flows back. */
export const stopGradient = of(
  unary(
    'stopGradient',
    (x) => x,
    () => undefined,
    'any',
  ),
);

const reluGradientOperator: Operator<null> = {
  name: 'reluGradient',
  infer: ([g]) => [{ shape: g!.shape, dtype: g!.dtype }],
  lower({ inputs }, onnx) {
    const [g, y] = inputs.map((t) => onnx.name(t)) as [string, string];
    // y is never below 0, so min(1, 3e38·y) is 1 where it is above (short of denormals). Two passes where
    // Where, which fills a tensor for either side first, takes four: 16 against 21 ms for 33 MB.
    if (onnx.target.hardSigmoid) {
      const mask = onnx.emit('HardSigmoid', [y], { alpha: float(3e38), beta: float(0) });
      return [onnx.emit('Mul', [g, mask])];
    }
    const zero = onnx.scalar(0);
    return [onnx.emit('Where', [onnx.emit('Greater', [y, zero]), g, zero])];
  },
  gradient: ({ inputs }, [g]) => [reluGradient(g!, inputs[1]!), undefined],
};

/** `g` where the result `y` of a ReLU is above 0, else 0. */
function reluGradient(g: Tensor, y: Tensor): Tensor {
  return apply1(reluGradientOperator, [g, y], null);
}

/** max(x, 0) */
export const relu = of({
  ...unary('relu', 'Relu', (_x, y, g) => reluGradient(g, y)),
  lower: ({ inputs }, onnx) => {
    const x = onnx.name(inputs[0]!);
    return [onnx.takeRelu(inputs[0]!) ? x : onnx.emit('Relu', [x])];
  },
  again: {
    product: false,
    lower: ({ inputs }, onnx) => [onnx.emit('Clip', [onnx.name(inputs[0]!), onnx.scalar(0)])],
  },
});

const clipOperator: Operator<{ readonly min: number; readonly max: number }> = {
  name: 'clip',
  infer([x], { min, max }) {
    requireFloat('clip', x!);
    if (!(min <= max)) throw new ShapeError(`clip needs min ≤ max, not ${min} and ${max}${atScope()}`);
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  lower: ({ inputs, attributes: { min, max } }, onnx) => [
    onnx.emit('Clip', [
      onnx.name(inputs[0]!),
      min === -Infinity ? '' : onnx.scalar(min),
      max === Infinity ? '' : onnx.scalar(max),
    ]),
  ],
  gradient({ inputs, attributes: { min, max } }, [g]) {
    const x = inputs[0]!;
    // The bounds themselves pass the gradient on, as in PyTorch's clamp.
    if (min === -Infinity) return [where(lessEqual(x, max), g!, 0)];
    if (max === Infinity) return [where(greaterEqual(x, min), g!, 0)];
    return [where(logicalAnd(greaterEqual(x, min), lessEqual(x, max)), g!, 0)];
  },
};

/** x held between `min` and `max`. */
export function clip(x: Tensor, min: number, max: number): Tensor {
  return apply1(clipOperator, [x], { min, max });
}

const relu6Operator: Operator<null> = {
  name: 'relu6',
  infer([x]) {
    requireFloat('relu6', x!);
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  lower: ({ inputs }, onnx) => [onnx.emit('Clip', [onnx.name(inputs[0]!), onnx.scalar(0), onnx.scalar(6)])],
  again: {
    product: false,
    lower: ({ inputs }, onnx) => {
      const positive = onnx.emit('Clip', [onnx.name(inputs[0]!), onnx.scalar(0)]);
      return [onnx.emit('Clip', [positive, '', onnx.scalar(6)])];
    },
  },
  gradient({ outputs }, [g]) {
    const y = outputs[0]!;
    return [where(logicalAnd(greater(y, 0), less(y, 6)), g!, 0)];
  },
};

/** min(max(x, 0), 6) */
export const relu6 = of(relu6Operator);

const leakyReluOperator: Operator<{ readonly slope: number }> = {
  name: 'leakyRelu',
  infer([x]) {
    requireFloat('leakyRelu', x!);
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  lower: ({ inputs, attributes }, onnx) => [
    onnx.emit('LeakyRelu', [onnx.name(inputs[0]!)], { alpha: float(attributes.slope) }),
  ],
  gradient: ({ inputs, attributes }, [g]) => [where(greater(inputs[0]!, 0), g!, mul(g!, attributes.slope))],
};

/** x where positive, else `slope`·x. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return apply1(leakyReluOperator, [x], { slope });
}

const castOperator: Operator<{ readonly to: DType }> = {
  name: 'cast',
  infer: ([x], { to }) => [{ shape: x!.shape, dtype: to }],
  lower({ inputs, attributes: { to } }, onnx) {
    const x = onnx.name(inputs[0]!);
    return [onnx.dtype(inputs[0]!.dtype) === onnx.dtype(to) ? x : onnx.cast(x, to)];
  },
  gradient: ({ inputs, attributes }, [g]) => [
    attributes.to === 'float32' && inputs[0]!.dtype === 'float32' ? g : undefined,
  ],
};

/** The same values in another element type; floats are cut towards 0. */
export function cast(x: Tensor, to: DType): Tensor {
  return x.dtype === to ? x : apply1(castOperator, [x], { to });
}

/**
 * Inverted dropout (Srivastava et al. 2014): x·mask ÷ keep. The mask (bool, shape of x) is fed by the
 * host from a counter-based generator, so the graph keeps no hidden random state.
 */
export function dropout(x: Tensor, mask: Tensor, keep: number): Tensor {
  return where(mask, mul(x, 1 / keep), 0);
}

/** log(1 + x) is not special-cased anywhere: add(x, 1) then log is what the losses need. */
export const log1p = (x: Tensor): Tensor => log(add(x, 1));
