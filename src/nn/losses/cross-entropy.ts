import { UsageError } from '../../errors/index.js';
import { add, constant, formatShape, logSoftmax, mul, neg, sum } from '../../graph/index.js';
import type { Loss } from './loss.js';
import { meanLoss, targetPlanes, weightedMean } from './loss.js';

export interface CrossEntropyOptions {
  /** How much a pixel of each class counts; default 1 each. */
  readonly classWeights?: readonly number[];
  /** Share of the truth spread evenly over all classes, 0 ≤ ε < 1; default 0 (Szegedy et al. 2016). */
  readonly labelSmoothing?: number;
}

/**
 * Cross-entropy over the channels of the logits, as PyTorch's: the mean over the pixels that count,
 * weighted by the weight of their true class.
 */
export function crossEntropy(options: CrossEntropyOptions = {}): Loss {
  const { classWeights, labelSmoothing = 0 } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new UsageError(`labelSmoothing must be at least 0 and below 1, not ${labelSmoothing}`);
  }
  if (classWeights && !(classWeights.every((w) => w >= 0) && classWeights.some((w) => w > 0))) {
    throw new UsageError(
      `classWeights must be at least 0, and one of them above, not ${classWeights.join(', ')}`,
    );
  }
  const loss: Loss = (logits, target) => {
    const classes = logits.shape[1]!;
    if (classes < 2) {
      throw new UsageError(
        `cross-entropy needs logits of at least two channels, not ${formatShape(logits.shape)}: use bce`,
      );
    }
    if (classWeights && classWeights.length !== classes) {
      throw new UsageError(`${classWeights.length} class weights given for ${classes} classes`);
    }
    const { planes, valid } = targetPlanes(logits, target);
    const logs = logSoftmax(logits, 1);
    const weights = classWeights && constant(Float32Array.from(classWeights), [1, classes, 1, 1]);
    const truth = weights ? mul(planes, weights) : planes;
    // An ignored pixel is 0 in every plane, so it drops out of both sums by itself.
    const onTruth = neg(mul(truth, logs));
    if (labelSmoothing === 0) return weightedMean(onTruth, truth);
    const spread = neg(mul(weights ? mul(logs, weights) : logs, valid));
    const total = sum(truth);
    return add(
      mul(weightedMean(onTruth, total), 1 - labelSmoothing),
      mul(weightedMean(spread, total), labelSmoothing / classes),
    );
  };
  return meanLoss(loss, (pixels, classes) => {
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += pixels[k]! * (classWeights?.[k] ?? 1);
    return sum;
  });
}
