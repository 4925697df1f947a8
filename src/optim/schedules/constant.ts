/** A constant rate, optionally lower in the first epochs. Equal to PyTorch's ConstantLR. */
import type { Settings } from '../../settings/index.js';
import { checkSettings, real, whole } from '../../settings/index.js';
import { makeSchedule } from './schedule.js';
import type { Schedule, ScheduleDefinition } from './schedule.js';

export interface ConstantOptions {
  /** Fraction of the rate during the first `epochs`, in (0, 1]. */
  readonly factor: number;
  /** Epochs for which `factor` holds, at least 0. */
  readonly epochs: number;
}

const SETTINGS: Settings<ConstantOptions> = {
  factor: { kind: real({ above: 0, max: 1 }), help: 'fraction of the rate in the first epochs', default: 1 },
  epochs: { kind: whole(0), help: 'epochs for which the factor holds', default: 0 },
};

/**
 * baseLr · factor in the first `epochs`, then baseLr; per epoch. Default: baseLr throughout.
 * @throws UsageError if an option is out of range.
 */
export function constant(given: Partial<ConstantOptions> = {}): Schedule<ConstantOptions> {
  const options = checkSettings('constant', SETTINGS, given);
  return makeSchedule('constant', 'epoch', options, (epoch, baseLr) => ({
    lr: epoch < options.epochs ? baseLr * options.factor : baseLr,
  }));
}

export const constantDefinition: ScheduleDefinition = {
  title: 'the same rate throughout',
  settings: {},
  make: () => constant(),
};
