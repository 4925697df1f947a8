/**
 * What a loss is: a function of logits (N×K×H×W) and target that returns one number. The target is N×H×W class indices
 * (uint8), where K = 1 means two classes, with the logit of class 1 against class 0. If classes overlap, it is N×K×H×W
 * (uint8): 1 where a pixel belongs to a class, else 0, and each logit stands for itself. Value 255 is ignored.
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
  sigmoid,
  softmax,
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

/** Whether the target says of each class whether a pixel belongs to it (N×K×H×W), instead of the one class of a pixel. */
export function isMultiLabel(target: Tensor): boolean {
  return target.shape.length === 4;
}

/** Throws a UsageError for classes that overlap. @param name of the loss. @param instead a loss that takes them. */
export function refuseMultiLabel(target: Tensor, name: string, instead = 'bce'): void {
  if (!isMultiLabel(target)) return;
  throw new UsageError(
    `${name} compares the classes of a pixel, of which one is right; these classes overlap: use ${instead}`,
  );
}

/** Probabilities of the logits: of one logit or of overlapping classes each for itself, else over all classes. */
export function probabilitiesOf(logits: Tensor, target: Tensor): Tensor {
  return logits.shape[1] === 1 || isMultiLabel(target) ? sigmoid(logits) : softmax(logits, 1);
}

/**
 * The target as N×K×H×W planes of 0 and 1, and as N×1×H×W (N×K×H×W for overlapping classes): 1 for pixels that are
 * not ignored, else 0.
 */
export function targetPlanes(logits: Tensor, target: Tensor): { planes: Tensor; valid: Tensor } {
  const [n, classes, h, w] = logits.shape as [number, number, number, number];
  if (isMultiLabel(target)) {
    if (target.shape.join() !== logits.shape.join()) {
      throw new UsageError(
        `logits of ${formatShape(logits.shape)} need a target of the same shape, not ${formatShape(target.shape)}`,
      );
    }
    const value = cast(target, 'int32');
    return {
      planes: cast(equal(value, scalar(1, 'int32')), 'float32'),
      valid: sub(1, cast(equal(value, scalar(IGNORE_INDEX, 'int32')), 'float32')),
    };
  }
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
