import { mul, neg } from '../../graph/index.js';
import { checkSettings, type Settings } from '../../settings/index.js';
import { TargetMap } from '../target-map.js';
import type { BoundaryWeightOptions } from './boundary-weights.js';
import { BOUNDARY_WEIGHT_SETTINGS, boundaryWeights } from './boundary-weights.js';
import type { Loss } from './loss.js';
import { countedPixels, meanLoss, refuseMultiLabel, weightedMean } from './loss.js';
import { CLASS_WEIGHTS, truthLogProbability, truthWeights } from './truth-log-probability.js';

export interface BoundaryCrossEntropyOptions extends BoundaryWeightOptions {
  /** w_c, the weight of the pixels of each class. */
  readonly classWeights?: readonly number[];
}

const BOUNDARY_SETTINGS: Settings<Required<BoundaryWeightOptions> & BoundaryCrossEntropyOptions> = {
  ...BOUNDARY_WEIGHT_SETTINGS,
  classWeights: CLASS_WEIGHTS,
};

/**
 * Cross-entropy that gives more weight to the background between close objects, so that the model learns to
 * separate them (Ronneberger et al. 2015, eq. 1 and 2): Σ w·w_c·(−log p) ÷ the number of pixels that are not
 * ignored, with w from {@link boundaryWeights}. Takes one logit or several. The host computes w for each batch.
 */
export function boundaryCrossEntropy(options: BoundaryCrossEntropyOptions = {}): Loss {
  const { classWeights, ...settings } = checkSettings('boundary-cross-entropy', BOUNDARY_SETTINGS, options);
  return pixelWeightedCrossEntropy(
    'boundary-cross-entropy',
    (classes, height, width, into) => boundaryWeights(classes, height, width, settings, into),
    classWeights,
  );
}

/**
 * Cross-entropy with a weight for each pixel, which the host computes from the target of each image.
 *
 * @param name in messages. @param weigh computes the weights of an image: H×W into `into`.
 */
export function pixelWeightedCrossEntropy(
  name: string,
  weigh: (classes: Uint8Array, height: number, width: number, into: Float32Array) => void,
  classWeights?: readonly number[],
): Loss {
  const loss: Loss = (logits, target) => {
    refuseMultiLabel(target, name);
    const { logTruth, valid } = truthLogProbability(logits, target);
    const [n, , height, width] = valid.shape as [number, number, number, number];
    const weights = new TargetMap(valid.shape, (classes) => {
      const values = new Float32Array(valid.size);
      const plane = height * width;
      for (let i = 0; i < n; i++) {
        const [from, to] = [i * plane, (i + 1) * plane];
        weigh(classes.subarray(from, to), height, width, values.subarray(from, to));
      }
      return values;
    });
    const cost = neg(mul(weights, logTruth));
    return weightedMean(classWeights ? mul(cost, truthWeights(logits, target, classWeights)) : cost, valid);
  };
  return meanLoss(loss, countedPixels);
}
