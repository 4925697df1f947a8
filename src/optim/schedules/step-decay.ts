/** Step decay of the learning rate: every few epochs (PyTorch's StepLR), or at given epochs (MultiStepLR). */
import { UsageError } from '../../errors/index.js';
import type { Settings } from '../../settings/index.js';
import { checkSettings, numbers, real, whole } from '../../settings/index.js';
import { makeSchedule } from './schedule.js';
import type { Schedule, ScheduleDefinition } from './schedule.js';

export interface StepDecayOptions {
  /** Epochs between two drops, at least 1. */
  readonly stepSize: number;
  /** Factor of each drop, above 0. */
  readonly gamma: number;
}

const GAMMA = {
  kind: real({ above: 0 }),
  help: 'factor by which each drop multiplies the rate',
  default: 0.1,
};

const STEP_SETTINGS: Settings<StepDecayOptions> = {
  stepSize: { kind: whole(1), help: 'epochs between two drops' },
  gamma: GAMMA,
};

/**
 * baseLr · gamma^⌊epoch / stepSize⌋, per epoch. Default: gamma 0.1.
 * @throws UsageError if an option is out of range.
 */
export function stepDecay(
  given: Partial<StepDecayOptions> & Pick<StepDecayOptions, 'stepSize'>,
): Schedule<StepDecayOptions> {
  const options = checkSettings('step', STEP_SETTINGS, given);
  return makeSchedule('step', 'epoch', options, (epoch, baseLr) => ({
    lr: baseLr * options.gamma ** Math.floor(epoch / options.stepSize),
  }));
}

export interface MultiStepDecayOptions {
  /** Epochs at which the rate drops, counted from 0, ascending. An epoch given twice drops the rate twice. */
  readonly milestones: readonly number[];
  /** Factor of each drop, above 0. */
  readonly gamma: number;
}

const MULTI_STEP_SETTINGS: Settings<MultiStepDecayOptions> = {
  milestones: { kind: numbers(0, Infinity, whole(0)), help: 'epochs at which the rate drops' },
  gamma: GAMMA,
};

/**
 * baseLr · gamma^(milestones reached), per epoch. Default: gamma 0.1.
 * @throws UsageError if an option is out of range or the milestones do not ascend.
 */
export function multiStepDecay(
  given: Partial<MultiStepDecayOptions> & Pick<MultiStepDecayOptions, 'milestones'>,
): Schedule<MultiStepDecayOptions> {
  const options = checkSettings('multi-step', MULTI_STEP_SETTINGS, given);
  const { milestones, gamma } = options;
  if (milestones.some((milestone, i) => milestone < (milestones[i - 1] ?? 0))) {
    throw new UsageError(`multi-step: milestones must ascend; got ${milestones.join(', ')}.`);
  }
  return makeSchedule('multi-step', 'epoch', options, (epoch, baseLr) => ({
    lr: baseLr * gamma ** milestones.filter((milestone) => milestone <= epoch).length,
  }));
}

const STEP_FACTOR = {
  kind: real({ above: 0, max: 1 }),
  help: 'factor by which each drop multiplies the learning rate',
  default: 0.1,
};

export const stepDecayDefinition: ScheduleDefinition<{
  readonly stepEpochs?: number | undefined;
  readonly stepFactor: number;
}> = {
  title: 'drops every few epochs',
  settings: {
    stepEpochs: {
      kind: whole(1, 1_000_000),
      help: 'epochs between two drops of the learning rate',
      unset: 'a third of the epochs',
    },
    stepFactor: STEP_FACTOR,
  },
  make: ({ stepEpochs, stepFactor }, { epochs }) =>
    stepDecay({ stepSize: stepEpochs ?? Math.max(1, Math.round(epochs / 3)), gamma: stepFactor }),
};

export const multiStepDecayDefinition: ScheduleDefinition<{
  readonly milestones: readonly number[];
  readonly stepFactor: number;
}> = {
  title: 'drops at given epochs',
  settings: {
    milestones: {
      kind: numbers(1, 1000, whole(1, 1_000_000)),
      help: 'epochs after which the learning rate drops, such as 10,15',
    },
    stepFactor: STEP_FACTOR,
  },
  make: ({ milestones, stepFactor }) => multiStepDecay({ milestones, gamma: stepFactor }),
};
