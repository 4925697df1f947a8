/** What the overlap losses (Dice, Jaccard, Tversky) have in common: sums of probability and truth for each class. */
import type { Tensor } from '../../graph/index.js';
import { cast, div, greater, maximum, mean, mul, sub, sum } from '../../graph/index.js';
import { flag, real, type Settings } from '../../settings/index.js';
import { probabilitiesOf, targetPlanes } from './loss.js';

export interface OverlapOptions {
  /** Added to numerator and denominator, so that two empty masks score 1. */
  readonly smooth?: number;
  /** Whether to score each image and average the scores, instead of pooling the pixels of the batch. */
  readonly perImage?: boolean;
  /** Whether the mean leaves out classes that the batch (or image) does not contain. */
  readonly presentOnly?: boolean;
}

export const OVERLAP_SETTINGS: Settings<Required<OverlapOptions>> = {
  smooth: { kind: real({ min: 0 }), help: 'added to numerator and denominator', default: 1 },
  perImage: { kind: flag(), help: 'score each image and average the scores', default: false },
  presentOnly: { kind: flag(), help: 'leave absent classes out of the mean', default: false },
};

/** Sums over all pixels that are not ignored: one for each class (K), or with `perImage` for each image and class (N×K). */
export interface OverlapSums {
  /** Σ p·t */
  readonly both: Tensor;
  /** Σ p */
  readonly predicted: Tensor;
  /** Σ t */
  readonly truth: Tensor;
}

/** Sums of the predicted probabilities p and of the truth t. One logit gives the foreground only. */
export function overlapSums(logits: Tensor, target: Tensor, perImage: boolean): OverlapSums {
  const { planes, valid } = targetPlanes(logits, target);
  const probabilities = mul(probabilitiesOf(logits, target), valid);
  const truth = mul(planes, valid);
  const axes = perImage ? [2, 3] : [0, 2, 3];
  return {
    both: sum(mul(probabilities, truth), axes),
    predicted: sum(probabilities, axes),
    truth: sum(truth, axes),
  };
}

/** The mean over classes of 1 − above ÷ below. With `smooth` 0 an absent class would be 0 ÷ 0, so `below` is kept above 0. */
export function meanOfShortfalls(
  above: Tensor,
  below: Tensor,
  truth: Tensor,
  { smooth, presentOnly }: Required<OverlapOptions>,
): Tensor {
  const losses = sub(1, div(above, smooth === 0 ? maximum(below, 1e-12) : below));
  if (!presentOnly) return mean(losses);
  const present = cast(greater(truth, 0), 'float32');
  return div(sum(mul(losses, present)), maximum(sum(present), 1));
}
