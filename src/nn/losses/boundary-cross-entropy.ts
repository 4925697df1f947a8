import { UsageError } from '../../errors/index.js';
import { mul, neg } from '../../graph/index.js';
import { TargetMap } from '../target-map.js';
import type { BoundaryWeightOptions } from './boundary-weights.js';
import { boundaryWeights } from './boundary-weights.js';
import type { Loss } from './loss.js';
import { countedPixels, meanLoss, weightedMean } from './loss.js';
import { checkClassWeights, truthLogProbability, truthWeights } from './truth-log-probability.js';

export interface BoundaryCrossEntropyOptions extends BoundaryWeightOptions {
  /** w_c, how much a pixel of each class counts; default 1 each. */
  readonly classWeights?: readonly number[];
}

/**
 * Cross-entropy that weighs the background between close objects more, so that these are told apart
 * (Ronneberger et al. 2015, eq. 1 and 2): Σ w·w_c·(−log p) over the number of pixels that count, with w of
 * {@link boundaryWeights}. For one logit and for several. The weights are computed on the host, for each batch.
 */
export function boundaryCrossEntropy(options: BoundaryCrossEntropyOptions = {}): Loss {
  const { classWeights, strength = 10, sigma = 5 } = options;
  if (!(strength >= 0 && strength < Infinity))
    throw new UsageError(`strength must be at least 0, not ${strength}`);
  if (!(sigma >= 0.1 && sigma < Infinity)) throw new UsageError(`sigma must be at least 0.1, not ${sigma}`);
  if (classWeights) checkClassWeights(classWeights);
  const loss: Loss = (logits, target) => {
    const { logTruth, valid } = truthLogProbability(logits, target);
    const [n, , height, width] = valid.shape as [number, number, number, number];
    const weights = new TargetMap(valid.shape, (classes) => {
      const values = new Float32Array(valid.size);
      const plane = height * width;
      for (let i = 0; i < n; i++) {
        const [from, to] = [i * plane, (i + 1) * plane];
        boundaryWeights(classes.subarray(from, to), height, width, options, values.subarray(from, to));
      }
      return values;
    });
    const cost = neg(mul(weights, logTruth));
    return weightedMean(classWeights ? mul(cost, truthWeights(logits, target, classWeights)) : cost, valid);
  };
  return meanLoss(loss, countedPixels);
}
