/** What the losses of each pixel's true class have in common. */
import { UsageError } from '../../errors/index.js';
import type { Tensor } from '../../graph/index.js';
import { add, constant, logSoftmax, mul, neg, softplus, sub, sum } from '../../graph/index.js';
import { type Kind, numbers, real, type Setting } from '../../settings/index.js';
import { isMultiLabel, targetPlanes } from './loss.js';

/**
 * The logarithm of the probability of each pixel's true class, N×1×H×W (0 for ignored pixels), and which pixels
 * are valid. Takes one logit or several. Of classes that overlap: of being in the class or out of it, N×K×H×W.
 */
export function truthLogProbability(logits: Tensor, target: Tensor): { logTruth: Tensor; valid: Tensor } {
  const { planes, valid } = targetPlanes(logits, target);
  if (logits.shape[1] === 1 || isMultiLabel(target)) {
    // log σ(x) = −softplus(−x) for class 1, log(1 − σ(x)) = −softplus(x) for class 0.
    const against = mul(logits, sub(1, mul(planes, 2)));
    return { logTruth: neg(mul(softplus(against), valid)), valid };
  }
  // An ignored pixel is 0 in every plane.
  return { logTruth: sum(mul(planes, logSoftmax(logits, 1)), 1, true), valid };
}

/** `classWeights` of a loss. */
export const CLASS_WEIGHTS: Setting<readonly number[]> = {
  kind: withPositive(numbers(1, 255, real({ min: 0, max: 1e6 }))),
  help: 'weight of the pixels of each class',
  unset: '1 each',
};

/** Refuses lists of zeros. */
function withPositive(kind: Kind<readonly number[]>): Kind<readonly number[]> {
  return {
    ...kind,
    accepts: `${kind.accepts}, not all 0`,
    read(value) {
      const weights = kind.read(value);
      return weights?.some((weight) => weight > 0) ? weights : undefined;
    },
  };
}

/**
 * The weight of each pixel's true class, N×1×H×W; 0 for ignored pixels. @throws UsageError for overlapping classes, of
 * which the pixels outside would have no weight.
 */
export function truthWeights(logits: Tensor, target: Tensor, classWeights: readonly number[]): Tensor {
  if (isMultiLabel(target)) throw new UsageError('class weights are not for classes that overlap');
  const classes = Math.max(2, logits.shape[1]!);
  if (classWeights.length !== classes) {
    throw new UsageError(`${classWeights.length} class weights given for ${classes} classes`);
  }
  const { planes, valid } = targetPlanes(logits, target);
  if (logits.shape[1] === 1) {
    const [background, foreground] = classWeights as [number, number];
    return mul(add(mul(planes, foreground - background), background), valid);
  }
  return sum(mul(planes, constant(Float32Array.from(classWeights), [1, classes, 1, 1])), 1, true);
}
