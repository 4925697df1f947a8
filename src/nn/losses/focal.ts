import { UsageError } from '../../errors/index.js';
import { exp, maximum, mul, neg, pow, sub } from '../../graph/index.js';
import type { Loss } from './loss.js';
import { countedPixels, meanLoss, weightedMean } from './loss.js';
import { checkClassWeights, truthLogProbability, truthWeights } from './truth-log-probability.js';

export interface FocalOptions {
  /** How much easy pixels are played down, at least 0; 0 is cross-entropy; default 2. */
  readonly gamma?: number;
  /** How much a pixel of each class counts (α in the paper: 1 − α, α for two classes); default 1 each. */
  readonly classWeights?: readonly number[];
}

/**
 * Focal loss, −α·(1 − p)^γ·log p of each pixel's true class (Lin et al. 2017, eq. 5), averaged over the
 * pixels that count: unlike cross-entropy's, the divisor is their number and not the sum of their weights.
 * For one logit and for several. A class that is absent adds nothing.
 */
export function focal(options: FocalOptions = {}): Loss {
  const { gamma = 2, classWeights } = options;
  if (!(gamma >= 0 && gamma < Infinity)) throw new UsageError(`gamma must be at least 0, not ${gamma}`);
  if (classWeights) checkClassWeights(classWeights);
  const loss: Loss = (logits, target) => {
    const { logTruth, valid } = truthLogProbability(logits, target);
    // Held off 0, where a power below 1 has an infinite slope.
    const miss = maximum(sub(1, exp(logTruth)), 1e-7);
    const cost = neg(gamma === 0 ? logTruth : mul(pow(miss, gamma), logTruth));
    const weighted = classWeights ? mul(cost, truthWeights(logits, target, classWeights)) : cost;
    return weightedMean(weighted, valid);
  };
  return meanLoss(loss, countedPixels);
}
