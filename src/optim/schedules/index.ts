/** Learning-rate schedules. */
export { applySchedule } from './schedule.js';
export type {
  Schedule,
  ScheduleDefinition,
  ScheduledRun,
  ScheduleInterval,
  SchedulePoint,
} from './schedule.js';
export { makeNamedSchedule, SCHEDULES } from './registry.js';
export type { ScheduleName } from './registry.js';
export { constant } from './constant.js';
export type { ConstantOptions } from './constant.js';
export { cosine } from './cosine.js';
export type { CosineOptions } from './cosine.js';
export { oneCycle } from './one-cycle.js';
export type { OneCycleOptions } from './one-cycle.js';
export { polynomial } from './polynomial.js';
export type { PolynomialOptions } from './polynomial.js';
export { rangeTest } from './range-test.js';
export type { RangeTestOptions } from './range-test.js';
export { ReduceOnPlateau } from './reduce-on-plateau.js';
export type { ReduceOnPlateauOptions, ReduceOnPlateauState } from './reduce-on-plateau.js';
export { multiStepDecay, stepDecay } from './step-decay.js';
export type { MultiStepDecayOptions, StepDecayOptions } from './step-decay.js';
