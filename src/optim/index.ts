/** Optimizers, gradient clipping and learning-rate schedules, over flat arrays of weights. */
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
  ParameterSlice,
  StepInfo,
} from './optimizer.js';
export * from './registry.js';
export { momentsOf } from './update-rule.js';
export type { GroupUpdate, MomentSlice } from './update-rule.js';
export { clipGradNorm, clipGradValue, clippingFactor, gradientNorm } from './clipping.js';
export * from './schedules/index.js';
