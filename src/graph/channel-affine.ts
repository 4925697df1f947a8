/** Affine functions of each channel with known coefficients: the arithmetic of folding batch norms. */

/** (x − center)·scale + shift, one value of each for a channel. */
export interface ChannelAffine {
  readonly center: Float32Array;
  readonly scale: Float32Array;
  readonly shift: Float32Array;
}

interface Norm {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly epsilon: number;
}

/** A batch norm by given statistics: scale = γ/√(σ² + ε). */
export function normAsAffine({ gamma, beta, mean, variance, epsilon }: Norm): ChannelAffine {
  return { center: mean, scale: gamma.map((g, c) => g / Math.sqrt(variance[c]! + epsilon)), shift: beta };
}

/**
 * Weight and bias of the convolution whose result is that of another one followed by an affine function.
 *
 * @param weight filters first
 */
export function absorbedByFilters(
  weight: Float32Array,
  bias: Float32Array | undefined,
  { center, scale, shift }: ChannelAffine,
): { weight: Float32Array; bias: Float32Array } {
  const perFilter = weight.length / scale.length;
  return {
    weight: weight.map((value, i) => value * scale[Math.floor(i / perFilter)]!),
    bias: shift.map((value, o) => value + scale[o]! * ((bias?.[o] ?? 0) - center[o]!)),
  };
}
