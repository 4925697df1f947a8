/** Optimizers, gradient clipping and learning-rate schedules. */
export { Optimizer } from './optimizer.js';
export type {
  GroupState,
  OptimizerDefinition,
  OptimizerOptions,
  OptimizerParameters,
  OptimizerState,
  OptionValue,
  ParameterGroup,
  ParameterGroupInit,
  StepInfo,
  TrainedWeight,
  UpdateRunner,
} from './optimizer.js';
export * from './registry.js';
export { groupByName } from './groups.js';
export type { NamedGroup } from './groups.js';
export { clampRule, clippingFactor, gradientNorm, scaleRule } from './clipping.js';
export * from './schedules/index.js';
