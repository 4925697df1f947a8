/** Activation functions: ReLU and its relatives, and the smooth ones. */
import { float } from '../../onnx/graph-builder.js';
import { pixelwise } from '../region.js';
import type { Operator, Tensor } from '../tensor.js';
import { apply1, requireFloat } from '../tensor.js';
import { add, div, greater, less, logicalAnd, mul, sub, where } from './arithmetic.js';
import { clip, erf, exp, sigmoid } from './elementwise.js';
import { of, unary } from './unary.js';

const reluGradientOperator: Operator<null> = {
  name: 'reluGradient',
  region: pixelwise,
  infer: ([g]) => [{ shape: g!.shape, dtype: g!.dtype }],
  lower({ inputs }, onnx) {
    const [g, y] = inputs.map((t) => onnx.name(t)) as [string, string];
    // y is at least 0, so min(1, 3e38·y) is 1 where y is above 0 (except for denormals). This takes two passes over
    // memory. Where takes four, since it fills a tensor for each side first: 16 against 21 ms for 33 MB.
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

export const reluOperator: Operator<null> = {
  ...unary('relu', 'Relu', (_x, y, g) => reluGradient(g, y)),
  recompute: {
    product: false,
    lower: ({ inputs }, onnx) => [onnx.emit('Clip', [onnx.name(inputs[0]!), onnx.scalar(0)])],
  },
};

/** max(x, 0) */
export const relu = of(reluOperator);

const relu6Operator: Operator<null> = {
  name: 'relu6',
  region: pixelwise,
  infer([x]) {
    requireFloat('relu6', x!);
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  lower: ({ inputs }, onnx) => [onnx.emit('Clip', [onnx.name(inputs[0]!), onnx.scalar(0), onnx.scalar(6)])],
  recompute: {
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
  region: pixelwise,
  infer([x]) {
    requireFloat('leakyRelu', x!);
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  lower: ({ inputs, attributes }, onnx) => [
    onnx.emit('LeakyRelu', [onnx.name(inputs[0]!)], { alpha: float(attributes.slope) }),
  ],
  gradient: ({ inputs, attributes }, [g]) => [where(greater(inputs[0]!, 0), g!, mul(g!, attributes.slope))],
};

/** x where it is positive, else `slope`·x. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return apply1(leakyReluOperator, [x], { slope });
}

/**
 * An activation that is lowered to an expression of other operators. Its gradient is computed from its input and result,
 * so that no intermediate values are kept for the backward pass.
 */
const composed = (
  name: string,
  lowered: (x: Tensor) => Tensor,
  gradient: (x: Tensor, y: Tensor, g: Tensor) => Tensor,
): Operator<null> => ({
  ...unary(name, name, gradient),
  lower: ({ inputs }, onnx) => [onnx.compose(inputs, lowered)],
});

/** x·sigmoid(x), also called swish (Elfwing et al. 2017; Ramachandran et al. 2017). */
export const silu = of(
  composed(
    'silu',
    (x) => mul(x, sigmoid(x)),
    // s + y·(1 − s)
    (x, y, g) => {
      const s = sigmoid(x);
      return mul(g, add(s, mul(y, sub(1, s))));
    },
  ),
);

/** 2·Φ(x) = 1 + erf(x ÷ √2), Φ being the normal distribution function. */
const twicePhi = (x: Tensor) => add(erf(div(x, Math.SQRT2)), 1);

/** x·Φ(x), Φ being the normal distribution function (Hendrycks & Gimpel 2016). The exact form, not that with tanh. */
export const gelu = of(
  composed(
    'gelu',
    // ONNX Runtime recognises this order of operations and runs a single kernel.
    (x) => mul(mul(x, twicePhi(x)), 0.5),
    // Φ(x) + x·φ(x), φ being the density.
    (x, _y, g) => {
      const density = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return mul(g, add(mul(twicePhi(x), 0.5), mul(x, density)));
    },
  ),
);

/** x·min(max(x + 3, 0), 6) ÷ 6 (Howard et al., "Searching for MobileNetV3", 2019). */
export const hardSwish = of(
  composed(
    'hardSwish',
    (x) => mul(x, mul(clip(add(x, 3), 0, 6), 1 / 6)),
    // 0 up to −3, x/3 + ½ between, 1 from 3 on.
    (x, _y, g) => {
      const between = mul(g, add(mul(x, 1 / 3), 0.5));
      return where(greater(x, -3), where(less(x, 3), between, g), 0);
    },
  ),
);
