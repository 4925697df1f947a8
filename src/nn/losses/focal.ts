import { exp, maximum, mul, neg, pow, sub } from '../../graph/index.js';
import { checkSettings, real, type Settings } from '../../settings/index.js';
import type { Loss } from './loss.js';
import { countedPixels, meanLoss, weightedMean } from './loss.js';
import { CLASS_WEIGHTS, truthLogProbability, truthWeights } from './truth-log-probability.js';

export interface FocalOptions {
  /** γ. Larger values give less weight to easy pixels; 0 gives cross-entropy. */
  readonly gamma?: number;
  /** Weight of the pixels of each class (the paper's 1 − α and α, for two classes). */
  readonly classWeights?: readonly number[];
}

export const FOCAL_SETTINGS: Settings<FocalOptions & { readonly gamma: number }> = {
  gamma: {
    kind: real({ min: 0, max: 20 }),
    help: 'γ of the focal loss: larger values give less weight to easy pixels; 0 gives cross-entropy',
    default: 2,
  },
  classWeights: CLASS_WEIGHTS,
};

/**
 * Focal loss, −α·(1 − p)^γ·log p of each pixel's true class (Lin et al. 2017, eq. 5), averaged over the
 * pixels that count. Unlike cross-entropy, it divides by the number of these pixels, not by the sum of their weights.
 * Takes one logit or several. An absent class adds nothing.
 */
export function focal(options: FocalOptions = {}): Loss {
  const { gamma, classWeights } = checkSettings('focal', FOCAL_SETTINGS, options);
  const loss: Loss = (logits, target) => {
    const { logTruth, valid } = truthLogProbability(logits, target);
    // At 0 a power below 1 has an infinite gradient.
    const miss = maximum(sub(1, exp(logTruth)), 1e-7);
    const cost = neg(gamma === 0 ? logTruth : mul(pow(miss, gamma), logTruth));
    const weighted = classWeights ? mul(cost, truthWeights(logits, target, classWeights)) : cost;
    return weightedMean(weighted, valid);
  };
  return meanLoss(loss, countedPixels);
}
