/**
 * What a learning-rate schedule is: plain options and a pure function of the step. Nothing needs saving
 * to resume one, except the plateau schedule, which looks at scores and keeps its own small state.
 */
import type { Optimizer } from '../optimizer.js';
import { requireInRange } from '../range.js';

/** What a schedule counts: optimizer steps, or epochs. */
export type ScheduleInterval = 'batch' | 'epoch';

/** What a schedule says for one step. */
export interface SchedulePoint {
  /** Learning rate. */
  readonly lr: number;
  /** Momentum (`momentum`, or the first of Adam's `betas`), where the schedule drives it. */
  readonly momentum?: number;
}

export interface Schedule<Options extends object = object> {
  /** The schedule's name, as options and configuration files have it. */
  readonly type: string;
  readonly interval: ScheduleInterval;
  /** All options, defaults filled in: with `type`, plain data that makes the same schedule again. */
  readonly options: Readonly<Options>;
  /**
   * The learning rate for step `step`: the first batch (or epoch) of a run is step 0.
   * @param baseLr the learning rate that is scheduled; with the default of 1 the result is a factor
   *   wherever no option is itself a learning rate.
   * @throws UsageError unless `step` is a whole number of at least 0.
   */
  at(step: number, baseLr?: number): SchedulePoint;
}

/** Makes a schedule from its formula. */
export function makeSchedule<Options extends object>(
  type: string,
  interval: ScheduleInterval,
  options: Options,
  formula: (step: number, baseLr: number) => SchedulePoint,
): Schedule<Options> {
  return {
    type,
    interval,
    options,
    at(step, baseLr = 1) {
      requireInRange(type, 'step', step, { min: 0, whole: true });
      return formula(step, baseLr);
    },
  };
}

/**
 * Sets learning rates, and momentum where the schedule drives it, ahead of step `step`: each group's
 * `lr` follows from its own `initialLr`.
 */
export function applySchedule(schedule: Schedule, step: number, optimizer: Optimizer): void {
  for (const group of optimizer.groups) {
    const { lr, momentum } = schedule.at(step, group.initialLr);
    group.lr = lr;
    if (momentum !== undefined) optimizer.setMomentum(momentum);
  }
}
