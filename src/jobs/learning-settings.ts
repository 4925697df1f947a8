/** Makes the loss, the optimizer and the schedule of a run from its settings. */
import { type Dataset, indexMasks } from '../data/index.js';
import { UsageError } from '../errors/index.js';
import type { LossSettings, LossTerm } from '../nn/index.js';
import { classWeightsOf, parseLosses } from '../nn/index.js';
import type { Optimizer, OptimizerName, Schedule, ScheduledRun, TrainedWeight } from '../optim/index.js';
import { makeNamedSchedule, optimizerFactory, OPTIMIZERS } from '../optim/index.js';
import type { Setting } from '../settings/index.js';
import { checkApplies, settingsFor } from '../training/run-settings.js';
import type { RunObjects } from './run-objects.js';
import type { CheckedSettings } from './train-options.js';
import type { Plan } from './train-plan.js';

/** The settings of the losses. Class weights of `auto` are computed from the masks of the training part. */
export async function lossSettingsFor(
  { classWeights, focalGamma, labelSmoothing, lovaszStride }: CheckedSettings,
  train: Dataset,
  outputs: readonly string[] = train.classes,
): Promise<LossSettings | undefined> {
  const weights =
    classWeights === 'auto' && outputs.length === train.classes.length
      ? classWeightsOf((await indexMasks(train)).totals(), { weighting: 'sqrt' })
      : classWeights === 'none' || classWeights === 'auto'
        ? undefined
        : classWeights;
  if (weights && train.multiLabel === true) {
    throw new UsageError('--class-weights are not for classes that overlap: leave them out');
  }
  if (weights && weights.length !== outputs.length) {
    throw new UsageError(
      `--class-weights has ${weights.length} numbers for ${outputs.length} classes: ${outputs.join(', ')}`,
    );
  }
  const settings = Object.entries({ classWeights: weights, focalGamma, labelSmoothing, lovaszStride });
  const given = settings.filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

export function lossOf(
  plan: Pick<Plan, 'loss'> & Partial<Pick<Plan, 'lossSettings' | 'objects'>>,
): readonly LossTerm[] {
  const loss = plan.objects?.loss;
  if (loss) return [{ name: plan.loss, weight: 1, loss }];
  return parseLosses(plan.loss, plan.lossSettings);
}

/**
 * Checks that the given settings belong to the chosen optimizer and schedule.
 *
 * @throws UsageError for a setting of a different optimizer or schedule, or if a required setting is missing.
 */
export function checkLearningSettings(plan: LearningPlan): void {
  const { optimizer, schedule } = plan.objects ?? {};
  checkApplies('optimizer', optimizer ? 'one of your own' : plan.optimizer, plan);
  checkApplies('schedule', schedule ? 'one of your own' : plan.schedule, plan);
  optimizerOf(plan);
  scheduleOf(plan, LONG_RUN);
}

type LearningPlan = Omit<CheckedSettings, 'lr' | 'optimizer' | 'schedule'> & {
  readonly lr: number;
  readonly optimizer: string;
  readonly schedule: string;
  readonly objects?: RunObjects;
};

/** Makes the plan's optimizer. Options that are not given keep the optimizer's own defaults. */
export function optimizerOf(
  plan: Pick<LearningPlan, 'optimizer' | 'lr' | 'objects'>,
): (parameters: readonly TrainedWeight[]) => Optimizer {
  const { optimizer, lr, objects } = plan;
  if (objects?.optimizer) return objects.optimizer;
  return optimizerFactory(optimizer, { lr, ...settingsFor('optimizer', optimizer, plan) });
}

/** The length of a run, in steps and epochs. */
export type RunLength = Omit<ScheduledRun, 'cycleMomentum'>;

/** A length that no schedule finds too short. For checking settings before the length is known. */
const LONG_RUN: RunLength = { totalSteps: 1e12, epochs: 1e6, stepsPerEpoch: 1 };

/** @throws UsageError if the run is too short for its schedule. */
export function scheduleOf(
  plan: Pick<LearningPlan, 'schedule'> &
    Partial<Pick<LearningPlan, 'optimizer' | 'momentum' | 'betas' | 'objects'>>,
  length: RunLength,
): Schedule {
  const run = { ...length, cycleMomentum: mayCycleMomentum(plan) };
  if (plan.objects?.schedule) return plan.objects.schedule(run);
  return makeNamedSchedule(plan.schedule, settingsFor('schedule', plan.schedule, plan), run);
}

/** Whether a schedule may change the momentum: not if the user set it, and not if it is 0 by default. */
function mayCycleMomentum({
  optimizer = 'adam',
  momentum,
  betas,
  objects,
}: Partial<Pick<LearningPlan, 'optimizer' | 'momentum' | 'betas' | 'objects'>>): boolean {
  // An optimizer given as an object keeps its momentum.
  if (objects?.optimizer) return false;
  const { settings, trainDefaults } = OPTIMIZERS[optimizer as OptimizerName].definition as {
    readonly settings: Readonly<Record<string, Setting<unknown>>>;
    readonly trainDefaults?: Readonly<Record<string, unknown>>;
  };
  const own = trainDefaults?.['momentum'] ?? settings['momentum']?.default;
  return momentum === undefined && betas === undefined && own !== 0;
}
