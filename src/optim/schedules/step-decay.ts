/** Rates that fall in steps: every so many epochs, or at given ones. PyTorch's StepLR and MultiStepLR. */
import { UsageError } from '../../errors/index.js';
import { withDefaults } from '../defaults.js';
import { requireInRange } from '../range.js';
import { makeSchedule } from './schedule.js';
import type { Schedule } from './schedule.js';

export interface StepDecayOptions {
  /** Epochs between two falls, at least 1. */
  readonly stepSize: number;
  /** Factor of each fall, above 0. */
  readonly gamma: number;
}

/**
 * baseLr · gamma^⌊epoch / stepSize⌋, per epoch. Default: gamma 0.1.
 * @throws UsageError where an option is out of range.
 */
export function stepDecay(
  given: Partial<StepDecayOptions> & Pick<StepDecayOptions, 'stepSize'>,
): Schedule<StepDecayOptions> {
  const options = withDefaults<StepDecayOptions>({ stepSize: given.stepSize, gamma: 0.1 }, given);
  requireInRange('step', 'stepSize', options.stepSize, { min: 1, whole: true });
  requireInRange('step', 'gamma', options.gamma, { above: 0 });
  return makeSchedule('step', 'epoch', options, (epoch, baseLr) => ({
    lr: baseLr * options.gamma ** Math.floor(epoch / options.stepSize),
  }));
}

export interface MultiStepDecayOptions {
  /** The first epochs with a lower rate, ascending. One that comes twice counts twice. */
  readonly milestones: readonly number[];
  /** Factor of each fall, above 0. */
  readonly gamma: number;
}

/**
 * baseLr · gamma^(milestones reached), per epoch. Default: gamma 0.1.
 * @throws UsageError where an option is out of range or the milestones are not in order.
 */
export function multiStepDecay(
  given: Partial<MultiStepDecayOptions> & Pick<MultiStepDecayOptions, 'milestones'>,
): Schedule<MultiStepDecayOptions> {
  const options = withDefaults<MultiStepDecayOptions>({ milestones: given.milestones, gamma: 0.1 }, given);
  const { milestones, gamma } = options;
  requireInRange('multi-step', 'gamma', gamma, { above: 0 });
  milestones.forEach((milestone, i) => {
    requireInRange('multi-step', `milestones[${i}]`, milestone, { min: 0, whole: true });
    if (i > 0 && milestone < milestones[i - 1]!) {
      throw new UsageError(`multi-step: milestones must ascend, got ${milestones.join(', ')}.`);
    }
  });
  return makeSchedule('multi-step', 'epoch', options, (epoch, baseLr) => ({
    lr: baseLr * gamma ** milestones.filter((milestone) => milestone <= epoch).length,
  }));
}
