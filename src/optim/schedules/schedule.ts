/**
 * What a learning-rate schedule is: plain options and a pure function of the step. Resuming one needs no saved
 * state. The plateau schedule is the exception: it looks at scores and keeps a small state of its own.
 */
import type { Settings } from '../../settings/index.js';
import { checkValue, whole } from '../../settings/index.js';
import type { Optimizer } from '../optimizer.js';

/** What a schedule counts: optimizer steps, or epochs. */
export type ScheduleInterval = 'batch' | 'epoch';

/** The values of one step. */
export interface SchedulePoint {
  /** Learning rate. */
  readonly lr: number;
  /** Momentum (`momentum`, or the first of Adam's `betas`), if the schedule drives it. */
  readonly momentum?: number;
}

export interface Schedule<Options extends object = object> {
  /** The schedule's name, as options and configuration files have it. */
  readonly type: string;
  readonly interval: ScheduleInterval;
  /** All options with defaults filled in. Together with `type`, plain data that makes the same schedule again. */
  readonly options: Readonly<Options>;
  /**
   * The learning rate for step `step`: the first batch (or epoch) of a run is step 0.
   * @param baseLr the learning rate that is scheduled. With the default of 1 the result is a factor, unless an
   *   option is itself a learning rate.
   * @throws UsageError unless `step` is a whole number of at least 0.
   */
  at(step: number, baseLr?: number): SchedulePoint;
}

/** The run that a schedule is made for. */
export interface ScheduledRun {
  /** Optimizer steps of the whole run. */
  readonly totalSteps: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Whether the schedule may drive momentum. */
  readonly cycleMomentum: boolean;
}

/** A schedule as `train` offers it: its settings count epochs, and the run's length gives the rest. */
export interface ScheduleDefinition<Options extends object = object> {
  /** What it does, as help shows it. */
  readonly title: string;
  readonly settings: Settings<Options>;
  /** @throws UsageError if the run is too short for these options. */
  make(options: Options, run: ScheduledRun): Schedule;
}

const STEP = whole(0);

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
    at: (step, baseLr = 1) => formula(checkValue(`${type}: step`, STEP, step), baseLr),
  };
}

/**
 * Sets the learning rate of every group before step `step`, from the group's own `initialLr`, and momentum if
 * the schedule drives it.
 */
export function applySchedule(schedule: Schedule, step: number, optimizer: Optimizer): void {
  for (const group of optimizer.groups) {
    const { lr, momentum } = schedule.at(step, group.initialLr);
    group.lr = lr;
    if (momentum !== undefined) optimizer.setMomentum(momentum);
  }
}
