/** Softmax and its logarithm along one axis. */
import { int } from '../../onnx/graph-builder.js';
import { wholeAlong } from '../region.js';
import type { Operator, Tensor } from '../tensor.js';
import { apply1, normalizeAxis, requireFloat } from '../tensor.js';
import { mul, sub } from './arithmetic.js';
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
  lower: ({ inputs, attributes: { axis } }, onnx) => [
    onnx.emit('Softmax', [onnx.name(inputs[0]!)], { axis: int(axis) }),
  ],
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
    if (!onnx.target.missingOps.has('LogSoftmax'))
      return [onnx.emit('LogSoftmax', [onnx.name(inputs[0]!)], { axis: int(axis) })];
    return [onnx.compose(inputs, (x) => composedLogSoftmax(x, axis))];
  },
  gradient({ outputs, attributes: { axis } }, [g]) {
    return [sub(g!, mul(exp(outputs[0]!), sum(g!, axis, true)))];
  },
};

function composedLogSoftmax(x: Tensor, axis: number): Tensor {
  const centred = sub(x, max(x, axis, true));
  return sub(centred, log(sum(exp(centred), axis, true)));
}

/** eˣ ÷ Σ eˣ along `axis`. */
export function softmax(x: Tensor, axis: number): Tensor {
  return apply1(softmaxOperator, [x], { axis: normalizeAxis(axis, x.rank) });
}

/** log softmax(x), without overflow. */
export function logSoftmax(x: Tensor, axis: number): Tensor {
  return apply1(logSoftmaxOperator, [x], { axis: normalizeAxis(axis, x.rank) });
}
