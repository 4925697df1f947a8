import { UsageError } from '../../errors/index.js';
import { add, formatShape, mul, softplus, sub } from '../../graph/index.js';
import type { Loss } from './loss.js';
import { countedPixels, meanLoss, targetPlanes, weightedMean } from './loss.js';

/**
 * Binary cross-entropy on logits, averaged over the pixels that count: log(1 + eˣ) − x·t. For models of
 * one output channel.
 *
 * @param options `positiveWeight`: how much a pixel of class 1 counts beside one of class 0 (default 1)
 */
export function binaryCrossEntropy(options: { readonly positiveWeight?: number } = {}): Loss {
  const { positiveWeight = 1 } = options;
  if (!(positiveWeight > 0)) throw new UsageError(`positiveWeight must be above 0, not ${positiveWeight}`);
  const loss: Loss = (logits, target) => {
    if (logits.shape[1] !== 1) {
      throw new UsageError(
        `binary cross-entropy needs logits of one channel, not ${formatShape(logits.shape)}: use cross-entropy`,
      );
    }
    const { planes, valid } = targetPlanes(logits, target);
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
