/** Softmax and its logarithm along one axis. */
import { int } from '../../onnx/graph-builder.js';
import type { Lowering } from '../lowering.js';
import { wholeAlong } from '../region.js';
import type { Operator, Tensor } from '../tensor.js';
import { apply1, normalizeAxis, requireFloat } from '../tensor.js';
import { div, mul, sub } from './arithmetic.js';
import { exp, log } from './elementwise.js';
import { max, sum } from './reduction.js';

interface AxisAttribute {
  readonly axis: number;
}

const softmaxOperator: Operator<AxisAttribute> = {
  name: 'softmax',
  region: wholeAlong(({ attributes }) => [attributes.axis]),
  infer([x]) {
    requireFloat('softmax', x!);
    return [{ shape: x!.shape, dtype: 'float32' }];
  },
  lower({ inputs, attributes: { axis } }, onnx) {
    if (isFast(onnx, inputs[0]!, axis))
      return [onnx.emit('Softmax', [onnx.name(inputs[0]!)], { axis: int(axis) })];
    return [
      onnx.compose(inputs, (x) => {
        const powers = exp(centred(x, axis));
        return div(powers, sum(powers, axis, true));
      }),
    ];
  },
  gradient({ outputs, attributes: { axis } }, [g]) {
    const y = outputs[0]!;
    const gy = mul(g!, y);
    return [sub(gy, mul(y, sum(gy, axis, true)))];
  },
};

const logSoftmaxOperator: Operator<AxisAttribute> = {
  name: 'logSoftmax',
  region: wholeAlong(({ attributes }) => [attributes.axis]),
  infer([x]) {
    requireFloat('logSoftmax', x!);
    return [{ shape: x!.shape, dtype: 'float32' }];
  },
  lower({ inputs, attributes: { axis } }, onnx) {
    if (!onnx.target.missingOps.has('LogSoftmax') && isFast(onnx, inputs[0]!, axis))
      return [onnx.emit('LogSoftmax', [onnx.name(inputs[0]!)], { axis: int(axis) })];
    return [
      onnx.compose(inputs, (x) => {
        const y = centred(x, axis);
        return sub(y, log(sum(exp(y), axis, true)));
      }),
    ];
  },
  gradient({ outputs, attributes: { axis } }, [g]) {
    return [sub(g!, mul(exp(outputs[0]!), sum(g!, axis, true)))];
  },
};

const isFast = ({ target }: Lowering, x: Tensor, axis: number) =>
  target.softmaxOfAnyAxis || axis === x.rank - 1;

/** x less its maximum along the axis, so that no power overflows. */
const centred = (x: Tensor, axis: number): Tensor => sub(x, max(x, axis, true));

/** eˣ ÷ Σ eˣ along `axis`. */
export function softmax(x: Tensor, axis: number): Tensor {
  return apply1(softmaxOperator, [x], { axis: normalizeAxis(axis, x.rank) });
}

/** log softmax(x), without overflow. */
export function logSoftmax(x: Tensor, axis: number): Tensor {
  return apply1(logSoftmaxOperator, [x], { axis: normalizeAxis(axis, x.rank) });
}
