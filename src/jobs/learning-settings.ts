/** Loss, optimizer and schedule among the settings of a run: checked, and made. */
import { type Dataset, indexMasks } from '../data/index.js';
import { UsageError } from '../errors/index.js';
import type { LossSettings, LossTerm } from '../nn/index.js';
import { classWeightsOf, parseLosses } from '../nn/index.js';
import type { Optimizer, ParameterSlice, Schedule } from '../optim/index.js';
import {
  Adam,
  AdamW,
  constant,
  cosine,
  multiStepDecay,
  oneCycle,
  polynomial,
  ReduceOnPlateau,
  RMSprop,
  SGD,
  stepDecay,
} from '../optim/index.js';
import { flagName } from '../settings/index.js';
import type { OptimizerName, ScheduleName, TrainSettings } from './train-options.js';
import type { Plan } from './train-plan.js';

/** What the losses are told; class weights come from the masks of the training part where they are to be found. */
export async function lossSettingsFor(
  { classWeights, focalGamma }: TrainSettings,
  train: Dataset,
): Promise<LossSettings | undefined> {
  const weights =
    classWeights === 'auto'
      ? classWeightsOf((await indexMasks(train)).totals(), { weighting: 'sqrt' })
      : classWeights === 'none'
        ? undefined
        : classWeights;
  if (weights && weights.length !== train.classes.length) {
    throw new UsageError(
      `--class-weights has ${weights.length} numbers for ${train.classes.length} classes: ${train.classes.join(', ')}`,
    );
  }
  if (!weights && focalGamma === undefined) return undefined;
  return { ...(weights && { classWeights: weights }), ...(focalGamma !== undefined && { focalGamma }) };
}

export function lossOf(plan: Pick<Plan, 'loss'> & Partial<Pick<Plan, 'lossSettings'>>): readonly LossTerm[] {
  return parseLosses(plan.loss, plan.lossSettings);
}

/** Which optimizers know each of these settings. */
const OPTIMIZERS_WITH = {
  momentum: ['sgd', 'rmsprop'],
  alpha: ['rmsprop'],
  eps: ['adam', 'adamw', 'rmsprop'],
} as const satisfies Partial<Record<keyof TrainSettings, readonly OptimizerName[]>>;

/** Which schedules know each of these settings. */
const SCHEDULES_WITH = {
  stepEpochs: ['step'],
  stepFactor: ['step', 'multi-step'],
  milestones: ['multi-step'],
  warmupEpochs: ['cosine'],
  restarts: ['cosine'],
} as const satisfies Partial<Record<keyof TrainSettings, readonly ScheduleName[]>>;

/** The settings that belong to a loss, an optimizer or a schedule: they mean nothing beside another one. */
export const BELONGING = {
  loss: ['classWeights', 'focalGamma'],
  optimizer: [...keysOf(OPTIMIZERS_WITH), 'weightDecay'],
  schedule: keysOf(SCHEDULES_WITH),
} as const satisfies Partial<Record<keyof TrainSettings, readonly (keyof TrainSettings)[]>>;

export function optimizerSettings(
  settings: TrainSettings,
): Pick<Plan, 'optimizer' | 'momentum' | 'weightDecay' | 'alpha' | 'eps'> {
  const { optimizer = 'adam', momentum, weightDecay, alpha, eps } = settings;
  checkTaken(settings, 'optimizer', optimizer, OPTIMIZERS_WITH);
  return { optimizer, momentum, weightDecay, alpha, eps };
}

export function scheduleSettings(
  settings: TrainSettings,
): Pick<Plan, 'schedule' | 'stepEpochs' | 'stepFactor' | 'milestones' | 'warmupEpochs' | 'restarts'> {
  const { schedule = 'one-cycle', stepEpochs, stepFactor, milestones, warmupEpochs, restarts } = settings;
  checkTaken(settings, 'schedule', schedule, SCHEDULES_WITH);
  if (schedule === 'multi-step' && milestones === undefined) {
    throw new UsageError(
      '--schedule multi-step needs --milestones N,N,…: the epochs after which the learning rate falls',
    );
  }
  // Throws for milestones out of order.
  if (milestones) multiStepDecay({ milestones });
  return { schedule, stepEpochs, stepFactor, milestones, warmupEpochs, restarts };
}

/** @throws UsageError for a setting that `name` is no taker of. */
function checkTaken(
  settings: TrainSettings,
  option: 'optimizer' | 'schedule',
  name: string,
  takersOf: Partial<Record<keyof TrainSettings, readonly string[]>>,
): void {
  for (const setting of keysOf(takersOf)) {
    const takers = takersOf[setting]!;
    if (settings[setting] === undefined || takers.includes(name)) continue;
    throw new UsageError(
      `--${flagName(setting)} is for --${option} ${takers.join(' or ')}, not for ${name}: leave it out`,
    );
  }
}

function keysOf<T extends object>(object: T): (keyof T)[] {
  return Object.keys(object) as (keyof T)[];
}

export function optimizerOf(
  plan: Pick<Plan, 'optimizer' | 'lr'> & Partial<Pick<Plan, 'momentum' | 'weightDecay' | 'alpha' | 'eps'>>,
): (parameters: readonly ParameterSlice[]) => Optimizer {
  const { optimizer, lr, momentum, alpha } = plan;
  // An option that is not given keeps the optimizer's own default.
  const shared = {
    lr,
    ...(plan.weightDecay !== undefined && { weightDecay: plan.weightDecay }),
    ...(plan.eps !== undefined && { eps: plan.eps }),
  };
  switch (optimizer) {
    case 'sgd':
      return (parameters) => new SGD(parameters, { ...shared, momentum: momentum ?? 0.9 });
    case 'adam':
      return (parameters) => new Adam(parameters, shared);
    case 'adamw':
      return (parameters) => new AdamW(parameters, shared);
    case 'rmsprop':
      return (parameters) =>
        new RMSprop(parameters, {
          ...shared,
          ...(momentum !== undefined && { momentum }),
          ...(alpha !== undefined && { alpha }),
        });
  }
}

/** How long a run is, as its schedule counts. */
export interface RunLength {
  readonly totalSteps: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/** @throws UsageError where the run is too short for what the schedule is to do in it. */
export function scheduleOf(
  plan: Pick<Plan, 'schedule' | 'stepEpochs' | 'stepFactor'> &
    Partial<Pick<Plan, 'optimizer' | 'momentum' | 'milestones' | 'warmupEpochs' | 'restarts'>>,
  { totalSteps, epochs, stepsPerEpoch }: RunLength,
): Schedule {
  const { schedule, stepEpochs, stepFactor: gamma = 0.1, optimizer, momentum } = plan;
  const { milestones = [], warmupEpochs = 0, restarts = 0 } = plan;
  switch (schedule) {
    case 'one-cycle':
      // A momentum that was asked for stays, and an optimizer without one is not given any.
      return oneCycle({
        totalSteps,
        cycleMomentum: momentum === undefined && optimizer !== 'rmsprop',
      });
    case 'cosine': {
      const warmup = warmupEpochs * stepsPerEpoch;
      const left = totalSteps - warmup;
      if (left <= restarts) {
        throw new UsageError(
          `the run of ${totalSteps} steps is over before the schedule: ${warmup} of them warm up, and ${restarts} restarts need more than as many again. Make it longer, or use less of --warmup-epochs or --restarts`,
        );
      }
      return cosine({ period: Math.ceil(left / (restarts + 1)), restarts: restarts > 0, warmup });
    }
    case 'poly':
      return polynomial({ totalSteps });
    case 'step':
      return stepDecay({ stepSize: stepEpochs ?? Math.max(1, Math.round(epochs / 3)), gamma });
    case 'multi-step':
      return multiStepDecay({ milestones, gamma });
    case 'plateau':
      return new ReduceOnPlateau({ patience: Math.max(2, Math.round(epochs / 10)) });
    case 'constant':
      return constant();
  }
}
