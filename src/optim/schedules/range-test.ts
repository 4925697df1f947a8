/**
 * The exponential sweep of a learning-rate range test (Smith, "Cyclical learning rates for training
 * neural networks", WACV 2017, section 3.3): each step multiplies the rate by the same factor.
 */
import type { Settings } from '../../settings/index.js';
import { checkSettings, real, whole } from '../../settings/index.js';
import { makeSchedule } from './schedule.js';
import type { Schedule } from './schedule.js';

export interface RangeTestOptions {
  /** Rate of the first step, above 0. */
  readonly startLr: number;
  /** Rate of the last step, above 0. */
  readonly endLr: number;
  /** Steps in the sweep, at least 2. */
  readonly totalSteps: number;
}

const SETTINGS: Settings<RangeTestOptions> = {
  startLr: { kind: real({ above: 0 }), help: 'rate of the first step', default: 1e-7 },
  endLr: { kind: real({ above: 0 }), help: 'rate of the last step', default: 10 },
  totalSteps: { kind: whole(2), help: 'steps in the sweep', default: 100 },
};

/**
 * startLr · (endLr / startLr)^(step / (totalSteps − 1)), per batch; endLr from the last step on. All groups get
 * the same rate, whatever their own.
 *
 * Defaults: from 1e-7 to 10 in 100 steps.
 * @throws UsageError if an option is out of range.
 */
export function rangeTest(given: Partial<RangeTestOptions> = {}): Schedule<RangeTestOptions> {
  const options = checkSettings('range-test', SETTINGS, given);
  const { startLr, endLr, totalSteps } = options;
  return makeSchedule('range-test', 'batch', options, (step) => ({
    lr: startLr * (endLr / startLr) ** Math.min(1, step / (totalSteps - 1)),
  }));
}
