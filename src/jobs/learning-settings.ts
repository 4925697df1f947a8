/** Makes the loss, the optimizer and the schedule of a run from its settings. */
import { type Dataset, indexMasks } from '../data/index.js';
import { UsageError } from '../errors/index.js';
import type { LossSettings, LossTerm } from '../nn/index.js';
import { classWeightsOf, parseLosses } from '../nn/index.js';
import type { Optimizer, Schedule, ScheduledRun, TrainedWeight } from '../optim/index.js';
import { makeNamedSchedule, optimizerFactory, OPTIMIZERS } from '../optim/index.js';
import type { Setting } from '../settings/index.js';
import { checkApplies, settingsFor } from '../training/run-settings.js';
import type { CheckedSettings, ResolvedSettings } from './train-options.js';
import type { Plan } from './train-plan.js';

/** The settings of the losses. Class weights of `auto` are computed from the masks of the training part. */
export async function lossSettingsFor(
  { classWeights, focalGamma }: CheckedSettings,
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

/**
 * Checks that the settings of optimizers and schedules fit the ones that are chosen.
 *
 * @throws UsageError for a setting that another optimizer or schedule uses, or one that is missing.
 */
export function checkLearningSettings(plan: LearningPlan): void {
  checkApplies('optimizer', plan.optimizer, plan);
  checkApplies('schedule', plan.schedule, plan);
  optimizerOf(plan);
  scheduleOf(plan, LONG_RUN);
}

type LearningPlan = Pick<ResolvedSettings, 'optimizer' | 'schedule'> &
  CheckedSettings & { readonly lr: number };

/** Makes the plan's optimizer. Options that are not given keep the optimizer's own defaults. */
export function optimizerOf(
  plan: Pick<LearningPlan, 'optimizer' | 'lr'>,
): (parameters: readonly TrainedWeight[]) => Optimizer {
  const { optimizer, lr } = plan;
  return optimizerFactory(optimizer, { lr, ...settingsFor('optimizer', optimizer, plan) });
}

/** How long a run is, as its schedule counts. */
export type RunLength = Omit<ScheduledRun, 'cycleMomentum'>;

/** Long enough for any schedule. */
const LONG_RUN: RunLength = { totalSteps: 1e12, epochs: 1e6, stepsPerEpoch: 1 };

/** @throws UsageError if the run is too short for its schedule. */
export function scheduleOf(
  plan: Pick<LearningPlan, 'schedule'> & Partial<Pick<LearningPlan, 'optimizer' | 'momentum' | 'betas'>>,
  length: RunLength,
): Schedule {
  const options = settingsFor('schedule', plan.schedule, plan);
  return makeNamedSchedule(plan.schedule, options, { ...length, cycleMomentum: mayCycleMomentum(plan) });
}

/** A momentum that was asked for stays as it is, and an optimizer that has none by default gets none. */
function mayCycleMomentum({
  optimizer = 'adam',
  momentum,
  betas,
}: Partial<Pick<LearningPlan, 'optimizer' | 'momentum' | 'betas'>>): boolean {
  const { settings, trainDefaults } = OPTIMIZERS[optimizer].definition as {
    readonly settings: Readonly<Record<string, Setting<unknown>>>;
    readonly trainDefaults?: Readonly<Record<string, unknown>>;
  };
  const own = trainDefaults?.['momentum'] ?? settings['momentum']?.default;
  return momentum === undefined && betas === undefined && own !== 0;
}
