/**
 * The schedules by the names that `--schedule` takes. To add one, write its file and add a line here. Flags, help and
 * checks are derived from its definition.
 */
import { UsageError } from '../../errors/index.js';
import { checkSettings, didYouMean } from '../../settings/index.js';
import { constantDefinition } from './constant.js';
import { cosineDefinition } from './cosine.js';
import { oneCycleDefinition } from './one-cycle.js';
import { polynomialDefinition } from './polynomial.js';
import { reduceOnPlateauDefinition } from './reduce-on-plateau.js';
import type { Schedule, ScheduleDefinition, ScheduledRun } from './schedule.js';
import { multiStepDecayDefinition, stepDecayDefinition } from './step-decay.js';

const DEFINITIONS = {
  'one-cycle': oneCycleDefinition,
  step: stepDecayDefinition,
  'multi-step': multiStepDecayDefinition,
  cosine: cosineDefinition,
  poly: polynomialDefinition,
  plateau: reduceOnPlateauDefinition,
  constant: constantDefinition,
} as const;

/** A name that `--schedule` takes. */
export type ScheduleName = keyof typeof DEFINITIONS;

/** The settings of all schedules together. */
export type NamedScheduleOptions = Intersection<OptionsOf<(typeof DEFINITIONS)[ScheduleName]>>;

type OptionsOf<D> = D extends ScheduleDefinition<infer O> ? [O] : never;
/** From a union of one-element tuples, makes the intersection of the elements. */
type Intersection<T extends [unknown]> = (T extends [infer O] ? (o: O) => void : never) extends (
  o: infer All,
) => void
  ? All
  : never;

/** The definition of each schedule, by name. */
export const SCHEDULES: Readonly<Record<ScheduleName, ScheduleDefinition>> =
  DEFINITIONS as unknown as Readonly<Record<ScheduleName, ScheduleDefinition>>;

/**
 * Makes the named schedule for a run.
 *
 * @throws UsageError for an unknown name or option, an option out of range, or a run that is too short.
 */
export function makeNamedSchedule(
  name: string,
  options: Readonly<Record<string, unknown>>,
  run: ScheduledRun,
): Schedule {
  if (!Object.hasOwn(SCHEDULES, name)) {
    const names = Object.keys(SCHEDULES);
    throw new UsageError(
      `there is no schedule "${name}"; there are ${names.join(', ')}.${didYouMean(name, names)}`,
    );
  }
  const { settings, make } = SCHEDULES[name as ScheduleName];
  return make(checkSettings<object>(name, settings, options), run);
}
