/** A rate that stays, at most lowered for the first epochs. Equal to PyTorch's ConstantLR. */
import { withDefaults } from '../defaults.js';
import { requireInRange } from '../range.js';
import { makeSchedule } from './schedule.js';
import type { Schedule } from './schedule.js';

export interface ConstantOptions {
  /** Share of the rate during the first `epochs`, in (0, 1]. */
  readonly factor: number;
  /** Epochs for which `factor` holds, at least 0. */
  readonly epochs: number;
}

/**
 * baseLr · factor in the first `epochs`, baseLr from then on; per epoch. Default: baseLr throughout.
 * @throws UsageError where an option is out of range.
 */
export function constant(given: Partial<ConstantOptions> = {}): Schedule<ConstantOptions> {
  const options = withDefaults<ConstantOptions>({ factor: 1, epochs: 0 }, given);
  requireInRange('constant', 'factor', options.factor, { above: 0, max: 1 });
  requireInRange('constant', 'epochs', options.epochs, { min: 0, whole: true });
  return makeSchedule('constant', 'epoch', options, (epoch, baseLr) => ({
    lr: epoch < options.epochs ? baseLr * options.factor : baseLr,
  }));
}
