/** The training loop and all that surrounds it. */
export type {
  BatchEvent,
  Callback,
  CallbackState,
  EpochRecord,
  FitContext,
  FitState,
  StopReason,
  TallyState,
} from './callback.js';
export { type Best, type CheckpointOptions, checkpoints, type Checkpoints } from './callbacks/checkpoints.js';
export { gradientClipping } from './callbacks/clipping.js';
export { csvLog, csvTable } from './callbacks/csv-log.js';
export { earlyStopping, type EarlyStoppingOptions } from './callbacks/early-stopping.js';
export { metricsLog } from './callbacks/metrics-log.js';
export { mlflowLog, type MlflowOptions, mlflowSettings } from './callbacks/mlflow-log.js';
export {
  checkMonitor,
  improves,
  type Monitor,
  monitored,
  type MonitorMetric,
  ownMetric,
} from './callbacks/monitor.js';
export { scheduleCallback } from './callbacks/schedule.js';
export { tensorboardLog } from './callbacks/tensorboard-log.js';
export { timeBudget, type TimeBudgetOptions } from './callbacks/time-budget.js';
export { unfreezing, type UnfreezingOptions } from './callbacks/unfreezing.js';
export { weightAveraging, type WeightAveragingOptions } from './callbacks/weight-averaging.js';
export {
  loadCheckpoint,
  readCheckpointFile,
  readCheckpointHistory,
  readCheckpointRecord,
  readCheckpointWeights,
  saveCheckpoint,
  WEIGHTS_FILE,
} from './checkpoint.js';
export { CheckpointFiles } from './checkpoint-files.js';
export { readCheckpointGraph } from './checkpoint-graph.js';
export { type BatchSource, fit, type FitOptions, type FitResult } from './fit.js';
export { flatScores } from './flat-scores.js';
export {
  Learner,
  type LearnerCapture,
  type LearnerMode,
  type LearnerOptions,
  type StepOutput,
} from './learner.js';
export {
  bytesOfFeatures,
  FeatureMemory,
  KeptFeatures,
  type KeptFeaturesOptions,
  type VisitedSource,
} from './kept-features.js';
export { findLr, type LrFinderOptions, type LrFinderResult } from './lr-finder.js';
export { lossCurve, type LrPoint, type LrSuggestions, suggestLr } from './lr-suggestion.js';
export { median } from './median.js';
export { type ReplicaOptions, Replicas, type Share } from './replicas.js';
export {
  type ChosenThreshold,
  CONFIG_VERSION,
  dataReading,
  type DataReading,
  fixedSettings,
  type PublishedFigure,
  readRunConfig,
  type RunConfig,
} from './run-config.js';
export { modelOfRun, type ModelSurroundings, prepareModel, type RunModel } from './run-model.js';
export { RANGE_TEST_FILES, RunFolder } from './run-folder.js';
export { idsOf, readRunSamples, writeRunSamples } from './run-samples.js';
export {
  epochRecordSchema,
  type FinalScores,
  parseRunScores,
  type RunScores,
  writeRunScores,
} from './run-scores.js';
export { type BatchShape, evaluationGraph, trainingGraph } from './step.js';
export { type BatchMetric, type EpochScores, Tally } from './tally.js';
export { drawBatch } from './drawn-batch.js';
