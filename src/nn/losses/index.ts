/** The losses, what a loss of your own is made from, and the losses by name. */
export {
  countedPixels,
  IGNORE_INDEX,
  type Loss,
  type LossDivisor,
  type LossTerm,
  meanLoss,
  sumOfLosses,
  targetPlanes,
  weightedMean,
} from './loss.js';
export { binaryCrossEntropy, type BinaryCrossEntropyOptions } from './binary-cross-entropy.js';
export { boundaryCrossEntropy, type BoundaryCrossEntropyOptions } from './boundary-cross-entropy.js';
export { boundaryWeights, type BoundaryWeightOptions } from './boundary-weights.js';
export { type ClassWeighting, type ClassWeightOptions, classWeightsOf } from './class-weights.js';
export { contactCrossEntropy, type ContactCrossEntropyOptions } from './contact-cross-entropy.js';
export { crossEntropy, type CrossEntropyOptions } from './cross-entropy.js';
export { dice, type DiceOptions } from './dice.js';
export { focal, type FocalOptions } from './focal.js';
export { lovaszHinge, type LovaszOptions, lovaszSoftmax, type LovaszSoftmaxOptions } from './lovasz.js';
export type { OverlapOptions } from './overlap.js';
export { LOSS_SETTINGS, type LossEntry, LOSSES, type LossSettings, parseLosses } from './registry.js';
export { topKCrossEntropy, type TopKOptions } from './top-k-cross-entropy.js';
export { jaccard, tversky, type TverskyOptions } from './tversky.js';
