/** Batch normalisation (Ioffe & Szegedy 2015). */
import { ShapeError } from '../../errors/index.js';
import { float, int } from '../../onnx/graph-builder.js';
import { normAsAffine } from '../channel-affine.js';
import type { Lowering } from '../lowering.js';
import { pixelwise } from '../region.js';
import type { Node, Operator, Tensor } from '../tensor.js';
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

const filled = (onnx: Lowering, channels: number, value: number) =>
  onnx.constant(new Float32Array(channels).fill(value), [channels], 'float32');

/** @param inputs x, weight, bias, mean and variance. */
const normalized = (onnx: Lowering, inputs: readonly string[], epsilon: number): string =>
  onnx.emit('BatchNormalization', inputs, { epsilon: float(epsilon) });

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
    const names = inputs.map((t) => onnx.name(t));
    return [normalized(onnx, [...names, filled(onnx, channels, 0), filled(onnx, channels, 1)], 0)];
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
    return [statisticsGradient(inputs[0]!, outputs[0]!, gMean, gVariance)];
  },
};

const isStatisticsOf = ({ operator, inputs }: Node, x: Tensor) =>
  operator === batchStatisticsOperator && inputs[0] === x;

/** The gradient of x from those of its mean and variance. */
function statisticsGradient(x: Tensor, average: Tensor, gMean?: Tensor, gVariance?: Tensor): Tensor {
  const count = x.size / x.shape[1]!;
  const shift = div(gMean ?? zeros(average), count);
  if (!gVariance) return broadcastTo(perChannel(shift, x), x.shape);
  // gMean ÷ M + (x − mean)·2·gVariance ÷ M
  const scale = mul(gVariance, 2 / count);
  return affine(x, scale, sub(shift, mul(average, scale)));
}

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
    normalized(
      onnx,
      inputs.map((t) => onnx.name(t)),
      attributes.epsilon,
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
    if (average.node === variance.node && isStatisticsOf(average.node, x)) {
      return apply(batchGradientOperator, [x, weight, average, variance, g!], { epsilon });
    }
    const ofBias = sum(g!, reducedAxes(x));
    const ofWeight = weightGradient(x, average, variance, g!, epsilon);
    const own = inputGradients(weight, variance, g!, ofWeight, ofBias, epsilon);
    return [own.x, ofWeight, ofBias, own.mean, own.variance];
  },
};

const inverseDeviation = (variance: Tensor, epsilon: number) => div(1, sqrt(add(variance, epsilon)));

/** Σ g·(x − mean) ÷ deviation: the gradients of weight and variance are computed from it. */
function weightGradient(x: Tensor, average: Tensor, variance: Tensor, g: Tensor, epsilon: number): Tensor {
  // Centred as 2x − 2·mean, which is exact. ONNX Runtime would merge x − mean with the same node of the forward pass, and
  // keep that node's result until here.
  const twice = affine(x, broadcastTo(scalar(2), average.shape), mul(average, -2));
  return mul(sum(mul(g, twice), reducedAxes(x)), mul(inverseDeviation(variance, epsilon), 0.5));
}

/** The gradients of x, mean and variance from those of the result, weight and bias. */
function inputGradients(
  weight: Tensor,
  variance: Tensor,
  g: Tensor,
  ofWeight: Tensor,
  ofBias: Tensor,
  epsilon: number,
): { x: Tensor; mean: Tensor; variance: Tensor } {
  const scale = mul(weight, inverseDeviation(variance, epsilon));
  return {
    x: affine(g, scale, zeros(scale)),
    mean: neg(mul(ofBias, scale)),
    variance: mul(mul(ofWeight, weight), div(-0.5, add(variance, epsilon))),
  };
}

/**
 * From x, weight, the statistics of x, and the gradient of the result: the gradients of x (also through its statistics),
 * weight and bias.
 */
const batchGradientOperator: Operator<Epsilon> = {
  name: 'batchNormGradient',
  infer: ([x, weight]) => [x!, weight!, weight!].map(({ shape }) => ({ shape, dtype: 'float32' })),
  lower({ inputs, outputs, attributes: { epsilon } }, onnx) {
    if (onnx.target.fewKernels) return lowerBatchGradient(inputs, epsilon, onnx);
    const [x, weight, average, variance, g] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
    const [, ofWeight, ofBias] = outputs as [Tensor, Tensor, Tensor];
    onnx.bind(
      ofBias,
      onnx.compose([g], (given) => sum(given, reducedAxes(x))),
    );
    onnx.bind(
      ofWeight,
      onnx.compose([x, average, variance, g], (a, b, c, d) => weightGradient(a!, b!, c!, d!, epsilon)),
    );
    const ofX = onnx.compose([x, average, weight, variance, g, ofWeight, ofBias], (a, b, c, d, e, f, h) => {
      const own = inputGradients(c!, d!, e!, f!, h!, epsilon);
      return add(own.x, statisticsGradient(a!, b!, own.mean, own.variance));
    });
    return [ofX, onnx.name(ofWeight), onnx.name(ofBias)];
  },
  // With x̂ = (x − mean) · i and i = 1 ÷ deviation, the results are dγ = Σ g·x̂, dβ = Σ g and
  // dx = γ · i · (g − dβ ÷ M − x̂·dγ ÷ M), functions of x, γ, the mean, the variance and g.
  gradient({ inputs, outputs, attributes: { epsilon } }, [a, b, d]) {
    const [x, weight, average, variance, g] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
    const [, ofWeight, ofBias] = outputs as [Tensor, Tensor, Tensor];
    const [ga, gb, gd] = [a ?? zeros(x), b ?? zeros(weight), d ?? zeros(weight)];
    const perPlane = (values: Tensor) => sum(values, reducedAxes(x));
    const share = (values: Tensor) => div(values, x.size / x.shape[1]!);
    const none = zeros(weight);
    const inverse = inverseDeviation(variance, epsilon);
    const scale = mul(weight, inverse);
    const standard = affine(x, inverse, neg(mul(average, inverse)));
    const [total, along] = [perPlane(ga), perPlane(mul(ga, standard))];
    const inner = sub(perPlane(mul(ga, g)), share(add(mul(total, ofBias), mul(along, ofWeight))));
    const slope = sub(gb, share(mul(scale, along)));
    const ofG = add(affine(ga, scale, sub(gd, share(mul(scale, total)))), affine(standard, slope, none));
    const ofStandard = add(affine(ga, neg(share(mul(scale, ofWeight))), none), affine(g, slope, none));
    const spread = add(mul(scale, inner), perPlane(mul(ofStandard, standard)));
    return [
      affine(ofStandard, inverse, none),
      mul(inverse, inner),
      neg(mul(inverse, perPlane(ofStandard))),
      mul(mul(spread, mul(inverse, inverse)), -0.5),
      ofG,
    ];
  },
};

/**
 * With x̂ = (x − mean) ÷ deviation over M values: dγ = Σ g·x̂, dβ = Σ g, dx = γ ÷ deviation · (g − dβ ÷ M − x̂·dγ ÷ M).
 */
function lowerBatchGradient(inputs: readonly Tensor[], epsilon: number, onnx: Lowering): string[] {
  const [x, weight, average, variance, g] = inputs.map((tensor) => onnx.name(tensor)) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const channels = inputs[1]!.size;
  const share = onnx.scalar(channels / inputs[0]!.size);
  const [zero, one] = [0, 1].map((value) => filled(onnx, channels, value)) as [string, string];
  const sumOf = (name: string) =>
    onnx.emit('ReduceSum', [name, onnx.int64s(reducedAxes(inputs[0]!))], { keepdims: int(0) });
  const standard = normalized(onnx, [x, one, zero, average, variance], epsilon);
  const ofBias = sumOf(g);
  const ofWeight = sumOf(onnx.emit('Mul', [g, standard]));
  const centred = normalized(onnx, [g, weight, zero, onnx.emit('Mul', [ofBias, share]), variance], epsilon);
  const slope = onnx.emit('Mul', [onnx.emit('Mul', [weight, ofWeight]), share]);
  const along = normalized(onnx, [standard, slope, zero, zero, variance], epsilon);
  return [onnx.emit('Sub', [centred, along]), ofWeight, ofBias];
}

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
