import { UsageError } from '../../errors/index.js';
import { add, constant, formatShape, logSoftmax, mul, neg, sum } from '../../graph/index.js';
import { checkSettings, type Settings } from '../../settings/index.js';
import { LABEL_SMOOTHING } from './label-smoothing.js';
import type { Loss } from './loss.js';
import { meanLoss, refuseMultiLabel, targetPlanes, weightedMean } from './loss.js';
import { CLASS_WEIGHTS } from './truth-log-probability.js';

export interface CrossEntropyOptions {
  /** Weight of the pixels of each class. */
  readonly classWeights?: readonly number[];
  /** Share of the truth that is spread evenly over all classes (Szegedy et al. 2016). */
  readonly labelSmoothing?: number;
}

export const CROSS_ENTROPY_SETTINGS: Settings<CrossEntropyOptions & { readonly labelSmoothing: number }> = {
  classWeights: CLASS_WEIGHTS,
  labelSmoothing: LABEL_SMOOTHING,
};

/**
 * Cross-entropy over the channels of the logits, as in PyTorch: the mean over all pixels that are not ignored,
 * weighted by their true class.
 */
export function crossEntropy(options: CrossEntropyOptions = {}): Loss {
  const { classWeights, labelSmoothing } = checkSettings('cross-entropy', CROSS_ENTROPY_SETTINGS, options);
  const loss: Loss = (logits, target) => {
    refuseMultiLabel(target, 'cross-entropy');
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
