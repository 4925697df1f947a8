/** Batch normalisation (Ioffe & Szegedy 2015). */
import { ShapeError } from '../../errors/index.js';
import { float } from '../../onnx/graph-builder.js';
import { normAsAffine } from '../channel-affine.js';
import { pixelwise } from '../region.js';
import type { Operator, Tensor } from '../tensor.js';
import { apply, apply1, atScope, formatShape, requireFloat, scalar } from '../tensor.js';
import { add, broadcastTo, div, mul, sub } from './arithmetic.js';
import { neg, sqrt } from './elementwise.js';
import { reshape } from './layout.js';
import { mean, sum } from './reduction.js';

interface Epsilon {
  readonly epsilon: number;
}

/** All axes except that of channels. */
const reducedAxes = (x: Tensor) => x.shape.map((_, i) => i).filter((i) => i !== 1);
const perChannel = (v: Tensor, x: Tensor) =>
  reshape(
    v,
    x.shape.map((n, i) => (i === 1 ? n : 1)),
  );

function checkChannels(x: Tensor, vectors: readonly Tensor[]): void {
  requireFloat('batch norm', x);
  for (const v of vectors) {
    if (v.rank !== 1 || v.shape[0] !== x.shape[1]) {
      throw new ShapeError(
        `batch norm of ${formatShape(x.shape)} needs vectors of ${x.shape[1]} channels, not ${formatShape(v.shape)}${atScope()}`,
      );
    }
  }
}

const affineOperator: Operator<null> = {
  name: 'affine',
  region: pixelwise,
  infer([x, ...vectors]) {
    checkChannels(x!, vectors);
    return [{ shape: x!.shape, dtype: 'float32' }];
  },
  lower({ inputs }, onnx) {
    // One pass over memory. Mul and Add with broadcasting would be two slow ones: 40 instead of 5 ms for 17 MB.
    const channels = inputs[0]!.shape[1]!;
    const filled = (value: number) =>
      onnx.constant(new Float32Array(channels).fill(value), [channels], 'float32');
    const names = inputs.map((t) => onnx.name(t));
    return [onnx.emit('BatchNormalization', [...names, filled(0), filled(1)], { epsilon: float(0) })];
  },
  gradient({ inputs }, [g]) {
    const [x, scale] = inputs as [Tensor, Tensor];
    const axes = reducedAxes(x);
    return [affine(g!, scale, zeros(scale)), sum(mul(g!, x), axes), sum(g!, axes)];
  },
};

const zeros = (like: Tensor) => broadcastTo(scalar(0), like.shape);

/** x·scale + shift for each channel. */
function affine(x: Tensor, scale: Tensor, shift: Tensor): Tensor {
  return apply1(affineOperator, [x, scale, shift], null);
}

const batchStatisticsOperator: Operator<null> = {
  name: 'batchStatistics',
  statistics: true,
  infer([x]) {
    const channels = { shape: [x!.shape[1]!], dtype: 'float32' as const };
    return [channels, channels];
  },
  lower({ inputs, outputs }, onnx) {
    const x = inputs[0]!;
    const average = onnx.compose([x], (t) => mean(t, reducedAxes(t)));
    onnx.bind(outputs[0]!, average);
    // Two passes: E[x²] − E[x]² loses all digits where the mean is much larger than the deviation.
    const variance = onnx.compose([x, outputs[0]!], (t, m) => {
      const centred = affine(t, broadcastTo(scalar(1), m.shape), neg(m));
      return mean(mul(centred, centred), reducedAxes(t));
    });
    return [average, variance];
  },
  gradient({ inputs, outputs }, [gMean, gVariance]) {
    const x = inputs[0]!;
    const average = outputs[0]!;
    const count = x.size / x.shape[1]!;
    const shift = div(gMean ?? zeros(average), count);
    if (!gVariance) return [broadcastTo(perChannel(shift, x), x.shape)];
    // gMean ÷ M + (x − mean)·2·gVariance ÷ M
    const scale = mul(gVariance, 2 / count);
    return [affine(x, scale, sub(shift, mul(average, scale)))];
  },
};

/** Mean and biased variance of each channel of x (N×C×…) over all other axes. */
export function batchStatistics(x: Tensor): { mean: Tensor; variance: Tensor } {
  const [average, variance] = apply(batchStatisticsOperator, [x], null);
  return { mean: average!, variance: variance! };
}

const normalizeOperator: Operator<Epsilon> = {
  name: 'batchNorm',
  region: pixelwise,
  infer([x, ...vectors]) {
    checkChannels(x!, vectors);
    return [{ shape: x!.shape, dtype: 'float32' }];
  },
  lower: ({ inputs, attributes }, onnx) => [
    onnx.emit(
      'BatchNormalization',
      inputs.map((t) => onnx.name(t)),
      { epsilon: float(attributes.epsilon) },
    ),
  ],
  recompute: {
    product: false,
    // Momentum has no effect on a norm with given statistics.
    lower: ({ inputs, attributes }, onnx) => [
      onnx.emit(
        'BatchNormalization',
        inputs.map((t) => onnx.name(t)),
        { epsilon: float(attributes.epsilon), momentum: float(0) },
      ),
    ],
  },
  asAffine({ inputs, attributes: { epsilon } }, valueOf) {
    const [gamma, beta, mean, variance] = inputs.slice(1).map(valueOf);
    return gamma && beta && mean && variance && normAsAffine({ gamma, beta, mean, variance, epsilon });
  },
  gradient({ inputs, attributes: { epsilon } }, [g]) {
    const [x, weight, , average, variance] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
    const inverse = div(1, sqrt(add(variance, epsilon)));
    const scale = mul(weight, inverse);
    const axes = reducedAxes(x);
    const gSum = sum(g!, axes);
    // Σ g·(x − mean) ÷ deviation: the gradients of weight and variance are computed from it. Centred as
    // 2x − 2·mean, which is exact. ONNX Runtime would merge x − mean with the same node of the forward pass, and keep
    // that node's result until here.
    const twice = affine(x, broadcastTo(scalar(2), average.shape), mul(average, -2));
    const gNormalized = mul(sum(mul(g!, twice), axes), mul(inverse, 0.5));
    return [
      affine(g!, scale, zeros(scale)),
      gNormalized,
      gSum,
      neg(mul(gSum, scale)),
      mul(mul(gNormalized, weight), div(-0.5, add(variance, epsilon))),
    ];
  },
};

/**
 * (x − mean) ÷ √(variance + ε) · weight + bias for each channel of x, N×C×H×W. In training, mean and variance are
 * those of {@link batchStatistics}, and the gradient flows through them.
 */
export function batchNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  average: Tensor,
  variance: Tensor,
  epsilon = 1e-5,
): Tensor {
  return apply1(normalizeOperator, [x, weight, bias, average, variance], { epsilon });
}
