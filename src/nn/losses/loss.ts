/**
 * What a loss is: a function of logits (N×K×H×W) and target (N×H×W, uint8) that gives one number. K = 1
 * stands for two classes, the logit of class 1 against class 0. Pixels of value 255 are left out.
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
   * What the loss divides its sum over pixels by, where the target alone decides that. The loss of a batch is
   * then the mean of its parts' losses weighted by this, and the gradient too: how ranks that each see a part
   * come to the loss of the whole. Undefined for what is no such mean (Dice over pooled pixels).
   */
  readonly divisor?: LossDivisor;
}

/**
 * @param pixels of each value 0…255 in the target.
 * @param channels of the logits.
 */
export type LossDivisor = (pixels: ArrayLike<number>, channels: number) => number;

/** A loss that is a mean over pixels, with its divisor. */
export function meanLoss(loss: (logits: Tensor, target: Tensor) => Tensor, divisor: LossDivisor): Loss {
  return Object.assign(loss, { divisor });
}

/** How many pixels have each value 0…255. */
export function pixelsByValue(target: Uint8Array): Uint32Array {
  const pixels = new Uint32Array(256);
  for (let i = 0; i < target.length; i++) pixels[target[i]!]!++;
  return pixels;
}

/** Pixels that are not ignored. */
export const countedPixels: LossDivisor = (pixels) => {
  let counted = 0;
  for (let value = 0; value < pixels.length; value++) if (value !== IGNORE_INDEX) counted += pixels[value]!;
  return counted;
};

/** One part of a weighted sum of losses. */
export interface LossTerm {
  readonly name: string;
  readonly weight: number;
  readonly loss: Loss;
}

/** Target as N×K×H×W planes of 0 and 1, and the pixels that count as N×1×H×W. */
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

/** Σ values ÷ Σ weights; 0 where all weights are 0. */
export function weightedMean(values: Tensor, weights: Tensor): Tensor {
  return div(sum(values), maximum(sum(weights), 1e-12));
}

/** The weighted sum of several losses. */
export function sumOfLosses(terms: readonly LossTerm[]): Loss {
  if (terms.length === 0) throw new UsageError('a sum of losses needs at least one term');
  return (logits, target) =>
    terms.map(({ weight, loss }) => mul(loss(logits, target), weight)).reduce((a, b) => add(a, b));
}
