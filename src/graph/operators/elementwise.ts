/** Functions of each element of a tensor, and casts between element types. */
import { ShapeError } from '../../errors/index.js';
import { pixelwise } from '../region.js';
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
import { of, unary } from './unary.js';

/** Lowers to `onnxName`; to `instead` for integers, where the target supports only floats. */
const floatOnly =
  (onnxName: string, instead: (x: Tensor) => Tensor): Operator<null>['lower'] =>
  ({ inputs }, onnx) =>
    inputs[0]!.dtype !== 'float32' && onnx.target.missingOps.has('integer Neg')
      ? [onnx.compose(inputs, instead)]
      : [onnx.emit(onnxName, [onnx.name(inputs[0]!)])];

/** −x */
export const neg = of({
  ...unary('neg', 'Neg', (_x, _y, g) => neg(g), 'number'),
  lower: floatOnly('Neg', (x) => sub(0, x)),
});
/** eˣ */
export const exp = of(unary('exp', 'Exp', (_x, y, g) => mul(g, y)));
/** Natural logarithm. */
export const log = of(unary('log', 'Log', (x, _y, g) => div(g, x)));
export const sqrt = of(unary('sqrt', 'Sqrt', (_x, y, g) => div(g, mul(y, 2))));
export const abs = of({
  ...unary('abs', 'Abs', (x, _y, g) => mul(g, sign(x)), 'number'),
  lower: floatOnly('Abs', (x) => maximum(x, sub(0, x))),
});
/** −1, 0 or 1. */
export const sign = of({
  ...unary('sign', 'Sign', () => undefined, 'number'),
  lower: (node, onnx) =>
    onnx.target.missingOps.has('Sign')
      ? [onnx.compose(node.inputs, (x) => sub(cast(greater(x, 0), x.dtype), cast(less(x, 0), x.dtype)))]
      : [onnx.emit('Sign', [onnx.name(node.inputs[0]!)])],
});
export const tanh = of(unary('tanh', 'Tanh', (_x, y, g) => mul(g, sub(1, mul(y, y)))));
/** The error function, 2/√π · ∫₀ˣ e^(−t²) dt. */
export const erf = of(
  unary('erf', 'Erf', (x, _y, g) => mul(g, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))),
);
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

const clipOperator: Operator<{ readonly min: number; readonly max: number }> = {
  name: 'clip',
  region: pixelwise,
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
    // At the bounds themselves the gradient flows, as in PyTorch's clamp.
    if (min === -Infinity) return [where(lessEqual(x, max), g!, 0)];
    if (max === Infinity) return [where(greaterEqual(x, min), g!, 0)];
    return [where(logicalAnd(greaterEqual(x, min), lessEqual(x, max)), g!, 0)];
  },
};

/** min(max(x, `min`), `max`) */
export function clip(x: Tensor, min: number, max: number): Tensor {
  return apply1(clipOperator, [x], { min, max });
}

const castOperator: Operator<{ readonly to: DType }> = {
  name: 'cast',
  region: pixelwise,
  infer: ([x], { to }) => [{ shape: x!.shape, dtype: to }],
  lower({ inputs, attributes: { to } }, onnx) {
    const x = onnx.name(inputs[0]!);
    return [onnx.dtype(inputs[0]!.dtype) === onnx.dtype(to) ? x : onnx.cast(x, to)];
  },
  gradient: ({ inputs, attributes }, [g]) => [
    attributes.to === 'float32' && inputs[0]!.dtype === 'float32' ? g : undefined,
  ],
};

/** The same values in another element type; floats are rounded towards 0. */
export function cast(x: Tensor, to: DType): Tensor {
  return x.dtype === to ? x : apply1(castOperator, [x], { to });
}

/**
 * Inverted dropout (Srivastava et al. 2014): x·mask ÷ keep. The host feeds the mask (bool, the shape of x) from a
 * counter-based generator, so the graph has no random state.
 */
export function dropout(x: Tensor, mask: Tensor, keep: number): Tensor {
  return where(mask, mul(x, 1 / keep), 0);
}

/** log(1 + x), computed just so: for tiny x it is less precise than a dedicated operator, which ONNX does not have. */
export const log1p = (x: Tensor): Tensor => log(add(x, 1));
