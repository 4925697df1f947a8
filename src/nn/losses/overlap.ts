/** What the losses of overlap (Dice, Jaccard, Tversky) share: sums of probability and truth by class. */
import { UsageError } from '../../errors/index.js';
import type { Tensor } from '../../graph/index.js';
import { cast, div, greater, maximum, mean, mul, sigmoid, softmax, sub, sum } from '../../graph/index.js';
import { targetPlanes } from './loss.js';

export interface OverlapOptions {
  /** Added above and below, so that two empty masks score 1; default 1. */
  readonly smooth?: number;
  /** Whether each image is scored for itself and the scores averaged; default: pixels pooled over the batch. */
  readonly perImage?: boolean;
  /** Whether classes that the batch (or image) does not hold are left out of the mean; default false. */
  readonly presentOnly?: boolean;
}

/** Sums over the pixels that count, of each class (K), or with `perImage` of each class of each image (N×K). */
export interface OverlapSums {
  /** Σ p·t */
  readonly both: Tensor;
  /** Σ p */
  readonly predicted: Tensor;
  /** Σ t */
  readonly truth: Tensor;
}

/** Sums of the probabilities p that the logits stand for, and of the truth t. One logit: the foreground alone. */
export function overlapSums(logits: Tensor, target: Tensor, perImage: boolean): OverlapSums {
  const { planes, valid } = targetPlanes(logits, target);
  const probabilities = mul(logits.shape[1] === 1 ? sigmoid(logits) : softmax(logits, 1), valid);
  const truth = mul(planes, valid);
  const axes = perImage ? [2, 3] : [0, 2, 3];
  return {
    both: sum(mul(probabilities, truth), axes),
    predicted: sum(probabilities, axes),
    truth: sum(truth, axes),
  };
}

/** 1 − above ÷ below for each class, averaged. With `smooth` 0 an absent class may divide nothing by nothing. */
export function meanOfShortfalls(
  above: Tensor,
  below: Tensor,
  truth: Tensor,
  { smooth = 1, presentOnly = false }: OverlapOptions,
): Tensor {
  const losses = sub(1, div(above, smooth === 0 ? maximum(below, 1e-12) : below));
  if (!presentOnly) return mean(losses);
  const present = cast(greater(truth, 0), 'float32');
  return div(sum(mul(losses, present)), maximum(sum(present), 1));
}

export function checkSmooth(smooth: number): void {
  if (!(smooth >= 0)) throw new UsageError(`smooth must be at least 0, not ${smooth}`);
}
