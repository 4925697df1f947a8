import { UsageError } from '../../errors/index.js';
import { add, mul, sub } from '../../graph/index.js';
import type { Loss } from './loss.js';
import type { OverlapOptions } from './overlap.js';
import { checkSmooth, meanOfShortfalls, overlapSums } from './overlap.js';

export interface TverskyOptions extends OverlapOptions {
  /** What a false positive costs; default 0.3. With 0.5 and 0.5 the index is Dice's, with 1 and 1 Jaccard's. */
  readonly falsePositives?: number;
  /** What a false negative costs; default 0.7: missing a rare class is worse than painting too much. */
  readonly falseNegatives?: number;
}

/**
 * Tversky loss, 1 − (TP + s) ÷ (TP + α·FP + β·FN + s) with soft counts TP = Σpt, FP = Σp(1 − t),
 * FN = Σ(1 − p)t (Salehi et al. 2017), averaged over classes. With one output channel only the foreground is
 * scored; with several, every class. Ignored pixels are in no count.
 */
export function tversky(options: TverskyOptions = {}): Loss {
  const { falsePositives = 0.3, falseNegatives = 0.7, smooth = 1, perImage = false } = options;
  checkSmooth(smooth);
  for (const [name, value] of Object.entries({ falsePositives, falseNegatives })) {
    if (!(value >= 0 && value < Infinity)) throw new UsageError(`${name} must be at least 0, not ${value}`);
  }
  return (logits, target) => {
    const { both, predicted, truth } = overlapSums(logits, target, perImage);
    const wrong = add(mul(sub(predicted, both), falsePositives), mul(sub(truth, both), falseNegatives));
    return meanOfShortfalls(add(both, smooth), add(add(both, wrong), smooth), truth, options);
  };
}

/** Soft Jaccard loss, 1 − (Σpt + s) ÷ (Σp + Σt − Σpt + s): Tversky's with both costs 1 (Rahman & Wang 2016). */
export function jaccard(options: OverlapOptions = {}): Loss {
  return tversky({ ...options, falsePositives: 1, falseNegatives: 1 });
}
