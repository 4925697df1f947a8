import { gatherElements, neg, reshape, sub, topK } from '../../graph/index.js';
import { checkSettings, real, type Settings } from '../../settings/index.js';
import type { Loss } from './loss.js';
import { weightedMean } from './loss.js';
import { truthLogProbability } from './truth-log-probability.js';

export interface TopKOptions {
  /** Share of the batch's pixels that the mean is taken over. */
  readonly share?: number;
}

const TOP_K_SETTINGS: Settings<Required<TopKOptions>> = {
  share: {
    kind: real({ above: 0, max: 1 }),
    help: 'share of the pixels that count, the hardest',
    default: 0.1,
  },
};

/**
 * Cross-entropy of the hardest pixels (Wu et al. 2016; nnU-Net's TopK loss): the mean over the ⌈share·N·H·W⌉
 * pixels of the batch whose true class has the lowest probability. Ignored pixels never count: if fewer pixels
 * are left than that, the mean is over all of them. Takes one logit or several. It sorts, so it does not run on
 * WebGPU.
 */
export function topKCrossEntropy(options: TopKOptions = {}): Loss {
  const { share } = checkSettings('top-k', TOP_K_SETTINGS, options);
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
