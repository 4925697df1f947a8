import { add, mul, sub } from '../../graph/index.js';
import { checkSettings, real, type Settings } from '../../settings/index.js';
import type { Loss } from './loss.js';
import type { OverlapOptions } from './overlap.js';
import { OVERLAP_SETTINGS, meanOfShortfalls, overlapSums } from './overlap.js';

export interface TverskyOptions extends OverlapOptions {
  /** α, the cost of a false positive. Both costs 0.5 give Dice, both 1 give Jaccard. */
  readonly falsePositives?: number;
  /** β, the cost of a false negative. By default it is higher: missing a rare class is worse than marking too much. */
  readonly falseNegatives?: number;
}

const TVERSKY_SETTINGS: Settings<Required<TverskyOptions>> = {
  ...OVERLAP_SETTINGS,
  falsePositives: { kind: real({ min: 0 }), help: 'cost of a false positive', default: 0.3 },
  falseNegatives: { kind: real({ min: 0 }), help: 'cost of a false negative', default: 0.7 },
};

/**
 * Tversky loss, 1 − (TP + s) ÷ (TP + α·FP + β·FN + s) with soft counts TP = Σpt, FP = Σp(1 − t),
 * FN = Σ(1 − p)t (Salehi et al. 2017), averaged over classes. With one output channel only the foreground is
 * scored; with several, every class. Ignored pixels do not count.
 */
export function tversky(options: TverskyOptions = {}): Loss {
  const settings = checkSettings('tversky', TVERSKY_SETTINGS, options);
  const { falsePositives, falseNegatives, smooth, perImage } = settings;
  return (logits, target) => {
    const { both, predicted, truth } = overlapSums(logits, target, perImage);
    const wrong = add(mul(sub(predicted, both), falsePositives), mul(sub(truth, both), falseNegatives));
    return meanOfShortfalls(add(both, smooth), add(add(both, wrong), smooth), truth, settings);
  };
}

/** Soft Jaccard loss, 1 − (Σpt + s) ÷ (Σp + Σt − Σpt + s): Tversky with both costs 1 (Rahman & Wang 2016). */
export function jaccard(options: OverlapOptions = {}): Loss {
  return tversky({
    ...checkSettings('jaccard', OVERLAP_SETTINGS, options),
    falsePositives: 1,
    falseNegatives: 1,
  });
}
