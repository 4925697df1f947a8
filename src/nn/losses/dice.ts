import { add, mul } from '../../graph/index.js';
import { checkSettings } from '../../settings/index.js';
import type { Loss } from './loss.js';
import type { OverlapOptions } from './overlap.js';
import { OVERLAP_SETTINGS, meanOfShortfalls, overlapSums } from './overlap.js';

export type DiceOptions = OverlapOptions;

/**
 * Soft Dice loss, 1 − (2·Σpt + s) ÷ (Σp + Σt + s) on probabilities (Milletari et al. 2016), averaged over
 * classes. With one output channel only the foreground is scored; with several, every class. For an
 * absent class s decides (see {@link OverlapOptions}).
 */
export function dice(options: DiceOptions = {}): Loss {
  const settings = checkSettings('dice', OVERLAP_SETTINGS, options);
  const { smooth, perImage } = settings;
  return (logits, target) => {
    const { both, predicted, truth } = overlapSums(logits, target, perImage);
    const above = add(mul(both, 2), smooth);
    const below = add(add(predicted, truth), smooth);
    return meanOfShortfalls(above, below, truth, settings);
  };
}
