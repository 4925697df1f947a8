/** The setting of label smoothing, which both cross-entropies take. */
import type { Setting } from '../../settings/index.js';
import { real } from '../../settings/index.js';

export const LABEL_SMOOTHING: Setting<number> & { readonly default: number } = {
  kind: real({ min: 0, below: 1 }),
  help: 'share of the target probability that is spread evenly over all classes',
  default: 0,
};
