/**
 * What a loss is: a function of logits (N×K×H×W) and target (N×H×W, uint8) that returns one number. K = 1 means
 * two classes, with the logit of class 1 against class 0. Pixels with value 255 are ignored.
 */
import { IGNORE_INDEX } from '../../labels/ignore-index.js';
import { UsageError } from '../../errors/index.js';
import type { Tensor } from '../../graph/index.js';
import {
  add,
  cast,
  div,
  equal,
  formatShape,
  maximum,
  mul,
  oneHot,
  reshape,
  scalar,
  sub,
  sum,
} from '../../graph/index.js';

export { IGNORE_INDEX };

export interface Loss {
  (logits: Tensor, target: Tensor): Tensor;
  /**
   * For a loss that is a sum over pixels divided by a number that depends on the target only: that number. The
   * loss and gradient of a batch are then the means of those of its parts, weighted by this, which is how several
   * ranks compute the loss of a batch that is split between them. Undefined for other losses (Dice over pooled pixels).
   */
  readonly divisor?: LossDivisor;
}

/**
 * @param pixels of each value 0…255 in the target.
 * @param channels of the logits.
 */
export type LossDivisor = (pixels: ArrayLike<number>, channels: number) => number;

/** Attaches its divisor to a loss that is a mean over pixels. */
export function meanLoss(loss: (logits: Tensor, target: Tensor) => Tensor, divisor: LossDivisor): Loss {
  return Object.assign(loss, { divisor });
}

/** How many pixels have each value 0…255. */
export function pixelsByValue(target: Uint8Array): Uint32Array {
  const pixels = new Uint32Array(256);
  for (let i = 0; i < target.length; i++) pixels[target[i]!]!++;
  return pixels;
}

/** The number of pixels that are not ignored. */
export const countedPixels: LossDivisor = (pixels) => {
  let counted = 0;
  for (let value = 0; value < pixels.length; value++) if (value !== IGNORE_INDEX) counted += pixels[value]!;
  return counted;
};

/** One term of a weighted sum of losses. */
export interface LossTerm {
  readonly name: string;
  readonly weight: number;
  readonly loss: Loss;
}

/** The target as N×K×H×W planes of 0 and 1, and as N×1×H×W: 1 for pixels that are not ignored, else 0. */
export function targetPlanes(logits: Tensor, target: Tensor): { planes: Tensor; valid: Tensor } {
  const [n, classes, h, w] = logits.shape as [number, number, number, number];
  if (target.shape.join() !== [n, h, w].join()) {
    throw new UsageError(
      `logits of ${formatShape(logits.shape)} need a target of ${n}×${h}×${w}, not ${formatShape(target.shape)}`,
    );
  }
  const index = cast(target, 'int32');
  const column = reshape(index, [n, 1, h, w]);
  const valid = sub(1, cast(equal(column, scalar(IGNORE_INDEX, 'int32')), 'float32'));
  const planes =
    classes === 1 ? cast(equal(column, scalar(1, 'int32')), 'float32') : oneHot(index, classes, 1);
  return { planes, valid };
}

/** Σ values ÷ Σ weights; 0 if all weights are 0. */
export function weightedMean(values: Tensor, weights: Tensor): Tensor {
  return div(sum(values), maximum(sum(weights), 1e-12));
}

/** The weighted sum of several losses. */
export function sumOfLosses(terms: readonly LossTerm[]): Loss {
  if (terms.length === 0) throw new UsageError('a sum of losses needs at least one term');
  return (logits, target) =>
    terms.map(({ weight, loss }) => mul(loss(logits, target), weight)).reduce((a, b) => add(a, b));
}
