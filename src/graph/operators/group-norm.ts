/** Group normalisation (Wu & He 2018), and instance normalisation (Ulyanov et al. 2016) as its case of one channel a group. */
import { ShapeError } from '../../errors/index.js';
import type { Tensor } from '../tensor.js';
import { atScope, constant, formatShape } from '../tensor.js';
import { broadcastTo } from './arithmetic.js';
import { reshape } from './layout.js';
import { batchNorm, batchStatistics } from './normalization.js';

/**
 * (x − mean) ÷ √(variance + ε) · weight + bias, mean and biased variance taken over each group of channels of each
 * image.
 *
 * @param x N×C×H×W
 * @param groups divides C
 * @param weight C, optional: 1 when absent
 * @param bias C, optional: 0 when absent
 */
export function groupNorm(x: Tensor, groups: number, weight?: Tensor, bias?: Tensor, epsilon = 1e-5): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  if (x.rank !== 4 || !Number.isInteger(groups) || groups < 1 || c % groups !== 0) {
    throw new ShapeError(
      `group norm needs N×C×H×W and groups that divide C, not ${formatShape(x.shape)} and ${groups}${atScope()}`,
    );
  }
  for (const vector of [weight, bias]) {
    if (vector && (vector.rank !== 1 || vector.shape[0] !== c)) {
      throw new ShapeError(
        `group norm of ${formatShape(x.shape)} needs vectors of ${c} channels, not ${formatShape(vector.shape)}${atScope()}`,
      );
    }
  }
  // A batch norm over one image, of which each image's channels are channels of their own.
  const { mean, variance } = batchStatistics(reshape(x, [1, n * groups, (c / groups) * h, w]));
  const perChannel = (v: Tensor) =>
    reshape(broadcastTo(reshape(v, [n * groups, 1]), [n * groups, c / groups]), [n * c]);
  const perImage = (v: Tensor | undefined, value: number) => {
    const vector = v ?? constant(new Float32Array(c).fill(value), [c]);
    return reshape(broadcastTo(vector, [n, c]), [n * c]);
  };
  const normalized = batchNorm(
    reshape(x, [1, n * c, h, w]),
    perImage(weight, 1),
    perImage(bias, 0),
    perChannel(mean),
    perChannel(variance),
    epsilon,
  );
  return reshape(normalized, x.shape);
}

/** {@link groupNorm} with a group for each channel. */
export function instanceNorm(x: Tensor, weight?: Tensor, bias?: Tensor, epsilon = 1e-5): Tensor {
  return groupNorm(x, x.shape[1] ?? 0, weight, bias, epsilon);
}
