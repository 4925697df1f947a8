/** The training loop and all that surrounds it. */
export * from './callback.js';
export * from './callbacks/checkpoints.js';
export * from './callbacks/clipping.js';
export * from './callbacks/early-stopping.js';
export * from './callbacks/metrics-log.js';
export * from './callbacks/monitor.js';
export * from './callbacks/schedule.js';
export * from './callbacks/unfreezing.js';
export * from './checkpoint.js';
export * from './fit.js';
export * from './learner.js';
export * from './lr-finder.js';
export * from './lr-suggestion.js';
export * from './run-config.js';
export * from './run-folder.js';
export * from './step.js';
export * from './tally.js';
