/** Optimizers, gradient clipping and learning-rate schedules, over flat arrays of weights. */
export { Optimizer } from './optimizer.js';
export type {
  GroupState,
  OptimizerOptions,
  OptimizerState,
  OptionValue,
  ParameterGroup,
  ParameterGroupInit,
  ParameterSlice,
} from './optimizer.js';
export type { GroupUpdate, MomentSlice, NamedTensors, UpdatedParameter, UpdateRule } from './update-rule.js';
export { SGD } from './sgd.js';
export type { SGDOptions } from './sgd.js';
export { Adam, AdamW } from './adam.js';
export type { AdamOptions } from './adam.js';
export { RMSprop } from './rmsprop.js';
export type { RMSpropOptions } from './rmsprop.js';
export { clipGradNorm, clipGradValue, clippingFactor, gradientNorm } from './clipping.js';
export * from './schedules/index.js';
