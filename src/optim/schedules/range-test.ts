/**
 * The exponential sweep of a learning-rate range test (Smith, "Cyclical learning rates for training
 * neural networks", WACV 2017, section 3.3): each step multiplies the rate by the same factor.
 */
import { withDefaults } from '../defaults.js';
import { requireInRange } from '../range.js';
import { makeSchedule } from './schedule.js';
import type { Schedule } from './schedule.js';

export interface RangeTestOptions {
  /** Rate of the first step, above 0: a rate, not a share. */
  readonly startLr: number;
  /** Rate of the last step, above 0. */
  readonly endLr: number;
  /** Steps in the sweep, at least 2. */
  readonly totalSteps: number;
}

/**
 * startLr · (endLr / startLr)^(step / (totalSteps − 1)), per batch, the same for every group whatever its
 * own rate; endLr from the last step on.
 *
 * Defaults: from 1e-7 to 10 in 100 steps.
 * @throws UsageError where an option is out of range.
 */
export function rangeTest(given: Partial<RangeTestOptions> = {}): Schedule<RangeTestOptions> {
  const options = withDefaults<RangeTestOptions>({ startLr: 1e-7, endLr: 10, totalSteps: 100 }, given);
  const { startLr, endLr, totalSteps } = options;
  requireInRange('range-test', 'startLr', startLr, { above: 0 });
  requireInRange('range-test', 'endLr', endLr, { above: 0 });
  requireInRange('range-test', 'totalSteps', totalSteps, { min: 2, whole: true });
  return makeSchedule('range-test', 'batch', options, (step) => ({
    lr: startLr * (endLr / startLr) ** Math.min(1, step / (totalSteps - 1)),
  }));
}
