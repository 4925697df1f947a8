/** Batch normalisation (Ioffe & Szegedy 2015). */
import { ShapeError } from '../../errors/index.js';
import { float } from '../lowering.js';
import type { Operator, Tensor } from '../tensor.js';
import { apply, apply1, atScope, formatShape } from '../tensor.js';
import { add, div, mul, sub } from './arithmetic.js';
import { sqrt } from './elementwise.js';
import { reshape } from './layout.js';
import { mean, sum } from './reduction.js';

interface Epsilon {
  readonly epsilon: number;
}

/** All axes but the channels', and a channel vector shaped to broadcast over them. */
const reducedAxes = (x: Tensor) => x.shape.map((_, i) => i).filter((i) => i !== 1);
const perChannel = (v: Tensor, x: Tensor) =>
  reshape(
    v,
    x.shape.map((n, i) => (i === 1 ? n : 1)),
  );

function checkChannels(x: Tensor, vectors: readonly Tensor[]): void {
  for (const v of vectors) {
    if (v.rank !== 1 || v.shape[0] !== x.shape[1]) {
      throw new ShapeError(
        `batch norm of ${formatShape(x.shape)} needs vectors of ${x.shape[1]} channels, not ${formatShape(v.shape)}${atScope()}`,
      );
    }
  }
}

const batchStatisticsOperator: Operator<null> = {
  name: 'batchStatistics',
  infer([x]) {
    const channels = { shape: [x!.shape[1]!], dtype: 'float32' as const };
    return [channels, channels];
  },
  lower({ inputs }, onnx) {
    const x = inputs[0]!;
    const average = onnx.compose([x], (t) => mean(t, reducedAxes(t)));
    // Two passes: E[x²] − E[x]² loses all digits where the mean is large beside the deviation.
    const variance = onnx.compose([x], (t) => {
      const centred = sub(t, mean(t, reducedAxes(t), true));
      return mean(mul(centred, centred), reducedAxes(t));
    });
    return [average, variance];
  },
  gradient({ inputs, outputs }, [gMean, gVariance]) {
    const x = inputs[0]!;
    const count = x.size / x.shape[1]!;
    const fromMean = gMean && perChannel(div(gMean, count), x);
    const fromVariance =
      gVariance && mul(sub(x, perChannel(outputs[0]!, x)), perChannel(mul(gVariance, 2 / count), x));
    return [fromMean && fromVariance ? add(fromMean, fromVariance) : (fromMean ?? fromVariance)];
  },
};

/** Mean and biased variance of each channel of x (N×C×…) over all other axes. */
export function batchStatistics(x: Tensor): { mean: Tensor; variance: Tensor } {
  const [average, variance] = apply(batchStatisticsOperator, [x], null);
  return { mean: average!, variance: variance! };
}

const normalizeOperator: Operator<Epsilon> = {
  name: 'batchNorm',
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
  gradient({ inputs, attributes: { epsilon } }, [g]) {
    const [x, weight, , average, variance] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
    const deviation = sqrt(add(variance, epsilon));
    const scale = div(weight, deviation);
    const axes = reducedAxes(x);
    const gSum = sum(g!, axes);
    // Σ g·(x − mean), from which the gradients of weight and variance both follow.
    const gCentred = sum(mul(g!, sub(x, perChannel(average, x))), axes);
    return [
      mul(g!, perChannel(scale, x)),
      div(gCentred, deviation),
      gSum,
      mul(gSum, sub(0, scale)),
      mul(mul(gCentred, scale), div(-0.5, add(variance, epsilon))),
    ];
  },
};

/**
 * (x − mean) ÷ √(variance + ε) · weight + bias, channel by channel, for x of N×C×H×W. In training, mean
 * and variance are those of {@link batchStatistics}; the gradient flows through them.
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
