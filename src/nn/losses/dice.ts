import { UsageError } from '../../errors/index.js';
import {
  add,
  cast,
  div,
  greater,
  maximum,
  mean,
  mul,
  sigmoid,
  softmax,
  sub,
  sum,
} from '../../graph/index.js';
import type { Loss } from './loss.js';
import { targetPlanes } from './loss.js';

export interface DiceOptions {
  /** Added above and below, so that two empty masks score 1; default 1. */
  readonly smooth?: number;
  /** Whether each image is scored for itself and the scores averaged; default: pixels pooled over the batch. */
  readonly perImage?: boolean;
  /** Whether classes that the batch (or image) does not hold are left out of the mean; default false. */
  readonly presentOnly?: boolean;
}

/**
 * Soft Dice loss, 1 − (2·Σpt + s) ÷ (Σp + Σt + s) on probabilities (Milletari et al. 2016), averaged over
 * classes. With one output channel only the foreground is scored; with several, every class.
 */
export function dice(options: DiceOptions = {}): Loss {
  const { smooth = 1, perImage = false, presentOnly = false } = options;
  if (!(smooth >= 0)) throw new UsageError(`smooth must be at least 0, not ${smooth}`);
  return (logits, target) => {
    const { planes, valid } = targetPlanes(logits, target);
    const probabilities = mul(logits.shape[1] === 1 ? sigmoid(logits) : softmax(logits, 1), valid);
    const truth = mul(planes, valid);
    const axes = perImage ? [2, 3] : [0, 2, 3];
    const above = add(mul(sum(mul(probabilities, truth), axes), 2), smooth);
    const below = add(add(sum(probabilities, axes), sum(truth, axes)), smooth);
    // With smooth = 0 an absent class that is not predicted divides nothing by nothing.
    const losses = sub(1, div(above, smooth === 0 ? maximum(below, 1e-12) : below));
    if (!presentOnly) return mean(losses);
    const present = cast(greater(sum(truth, axes), 0), 'float32');
    return div(sum(mul(losses, present)), maximum(sum(present), 1));
  };
}
