import { UsageError } from '../../errors/index.js';
import { gatherElements, neg, reshape, sub, topK } from '../../graph/index.js';
import type { Loss } from './loss.js';
import { weightedMean } from './loss.js';
import { truthLogProbability } from './truth-log-probability.js';

/**
 * Cross-entropy of the hardest pixels alone (Wu et al. 2016; nnU-Net's TopK loss): the mean over the ⌈share ·
 * N·H·W⌉ pixels of the batch whose true class has the least probability. Ignored pixels are never among them
 * while others are left; where fewer pixels count than are asked for, the mean is over those that do. For one
 * logit and for several. Sorts, so it does not run on WebGPU.
 *
 * @param options `share`: of the batch's pixels, above 0 and at most 1; default 0.1
 */
export function topKCrossEntropy(options: { readonly share?: number } = {}): Loss {
  const { share = 0.1 } = options;
  if (!(share > 0 && share <= 1)) throw new UsageError(`share must be above 0 and at most 1, not ${share}`);
  return (logits, target) => {
    const { logTruth, valid } = truthLogProbability(logits, target);
    const flat = [valid.size];
    const cost = neg(reshape(logTruth, flat));
    const counts = reshape(valid, flat);
    // Costs are at least 0: with −1 for ignored pixels those come last.
    const { indices } = topK(sub(cost, sub(1, counts)), Math.ceil(share * valid.size));
    return weightedMean(gatherElements(cost, indices), gatherElements(counts, indices));
  };
}
