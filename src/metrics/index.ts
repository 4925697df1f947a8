/** Counts of pixels, and the scores computed from them. */
export { ConfusionMatrix, IGNORE_INDEX } from './confusion-matrix.js';
export type { ClassCounts } from './confusion-matrix.js';
export {
  classCounts,
  dice,
  foreground,
  iou,
  meanDefined,
  meanDice,
  meanIoU,
  pixelAccuracy,
  pooled,
  precision,
  recall,
} from './scores.js';
export { softDice } from './soft-dice.js';
export { sampleScores, ScoreAccumulator } from './score-report.js';
export type {
  ClassScores,
  GroupScores,
  LossValues,
  SampleScores,
  ScoreOptions,
  Scores,
} from './score-report.js';
export { ThresholdSweep } from './threshold-sweep.js';
export type { ThresholdScore } from './threshold-sweep.js';
export { squaredDistanceTransform } from './distance-transform.js';
export type { Spacing } from './distance-transform.js';
export type { OutlineOptions } from './class-mask.js';
export { hausdorffDistance, meanSurfaceDistance, surfaceDistances } from './surface-distance.js';
export type { SurfaceDistances } from './surface-distance.js';
export { meanMetrics, metricsOf, OUTLINE_METRIC_NAMES, OUTLINE_METRICS } from './sample-metrics.js';
export type { MasksToScore, OutlineMetric, SampleMetric } from './sample-metrics.js';
export { boundaryCounts, boundaryIoU } from './boundary-iou.js';
export type { BoundaryCounts } from './boundary-iou.js';
export { CALIBRATION_BINS, CalibrationCounter } from './calibration.js';
export type { Calibration, CalibrationBin } from './calibration.js';
export { FEWEST_UNITS, quantile, ScoreBootstrap } from './bootstrap.js';
export type { Interval, ScoreIntervals } from './bootstrap.js';
export { labelDoubt, SURE } from './label-doubt.js';
export type { LabelDoubt } from './label-doubt.js';
