/** Polynomial decay, as DeepLab trains with (Chen et al. 2017). Equal to PyTorch's PolynomialLR. */
import type { Settings } from '../../settings/index.js';
import { checkSettings, real, whole } from '../../settings/index.js';
import { makeSchedule } from './schedule.js';
import type { Schedule, ScheduleDefinition } from './schedule.js';

export interface PolynomialOptions {
  /** Steps after which the rate is 0, at least 1. */
  readonly totalSteps: number;
  /** The exponent, above 0: 1 is a straight line, DeepLab uses 0.9. */
  readonly power: number;
}

const SETTINGS: Settings<PolynomialOptions> = {
  totalSteps: { kind: whole(1), help: 'steps after which the rate is 0' },
  power: { kind: real({ above: 0 }), help: 'the exponent', default: 1 },
};

/**
 * baseLr · (1 − step / totalSteps)^power, per batch; 0 from totalSteps on. Default: power 1.
 * @throws UsageError if an option is out of range.
 */
export function polynomial(
  given: Partial<PolynomialOptions> & Pick<PolynomialOptions, 'totalSteps'>,
): Schedule<PolynomialOptions> {
  const options = checkSettings('poly', SETTINGS, given);
  const { totalSteps, power } = options;
  return makeSchedule('poly', 'batch', options, (step, baseLr) => ({
    lr: baseLr * (1 - Math.min(step, totalSteps) / totalSteps) ** power,
  }));
}

export const polynomialDefinition: ScheduleDefinition = {
  title: 'falls in a straight line to 0',
  settings: {},
  make: (_, { totalSteps }) => polynomial({ totalSteps }),
};
