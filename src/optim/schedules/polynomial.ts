/** Polynomial decay, as DeepLab trains with (Chen et al. 2017). Equal to PyTorch's PolynomialLR. */
import { withDefaults } from '../defaults.js';
import { requireInRange } from '../range.js';
import { makeSchedule } from './schedule.js';
import type { Schedule } from './schedule.js';

export interface PolynomialOptions {
  /** Steps after which the rate is 0, at least 1. */
  readonly totalSteps: number;
  /** The exponent, above 0: 1 is a straight line, DeepLab takes 0.9. */
  readonly power: number;
}

/**
 * baseLr · (1 − step / totalSteps)^power, per batch; 0 from totalSteps on. Default: power 1.
 * @throws UsageError where an option is out of range.
 */
export function polynomial(
  given: Partial<PolynomialOptions> & Pick<PolynomialOptions, 'totalSteps'>,
): Schedule<PolynomialOptions> {
  const options = withDefaults<PolynomialOptions>({ totalSteps: given.totalSteps, power: 1 }, given);
  const { totalSteps, power } = options;
  requireInRange('poly', 'totalSteps', totalSteps, { min: 1, whole: true });
  requireInRange('poly', 'power', power, { above: 0 });
  return makeSchedule('poly', 'batch', options, (step, baseLr) => ({
    lr: baseLr * (1 - Math.min(step, totalSteps) / totalSteps) ** power,
  }));
}
