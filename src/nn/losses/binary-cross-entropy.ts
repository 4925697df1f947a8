import { UsageError } from '../../errors/index.js';
import { add, formatShape, mul, softplus, sub } from '../../graph/index.js';
import { checkSettings, real, type Settings } from '../../settings/index.js';
import { LABEL_SMOOTHING } from './label-smoothing.js';
import type { Loss } from './loss.js';
import { countedPixels, isMultiLabel, meanLoss, targetPlanes, weightedMean } from './loss.js';

export interface BinaryCrossEntropyOptions {
  /** Weight of the pixels of class 1, where those of class 0 weigh 1. */
  readonly positiveWeight?: number;
  /** ε: the truth is (1 − ε)·t + ε/2 instead of t. */
  readonly labelSmoothing?: number;
}

const BINARY_SETTINGS: Settings<Required<BinaryCrossEntropyOptions>> = {
  positiveWeight: { kind: real({ above: 0 }), help: 'weight of the pixels of class 1', default: 1 },
  labelSmoothing: LABEL_SMOOTHING,
};

/**
 * Binary cross-entropy on logits, averaged over all pixels that are not ignored: log(1 + eˣ) − x·t. For models
 * with one output channel, and for classes that overlap (averaged over these, too).
 */
export function binaryCrossEntropy(options: BinaryCrossEntropyOptions = {}): Loss {
  const { positiveWeight, labelSmoothing } = checkSettings('bce', BINARY_SETTINGS, options);
  const loss: Loss = (logits, target) => {
    if (logits.shape[1] !== 1 && !isMultiLabel(target)) {
      throw new UsageError(
        `binary cross-entropy needs logits of one channel, not ${formatShape(logits.shape)}: use cross-entropy`,
      );
    }
    const { planes: labels, valid } = targetPlanes(logits, target);
    const planes = labelSmoothing === 0 ? labels : add(mul(labels, 1 - labelSmoothing), labelSmoothing / 2);
    if (positiveWeight === 1)
      return weightedMean(mul(sub(softplus(logits), mul(logits, planes)), valid), valid);
    // −[p·t·log σ(x) + (1 − t)·log(1 − σ(x))], with −log σ(x) = softplus(−x) = softplus(x) − x.
    const cost = softplus(logits);
    const onPositive = mul(mul(sub(cost, logits), planes), positiveWeight);
    const onNegative = mul(cost, sub(1, planes));
    return weightedMean(mul(add(onPositive, onNegative), valid), valid);
  };
  return meanLoss(loss, countedPixels);
}
