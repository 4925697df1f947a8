/** Whole jobs, from files to files: what the commands of the CLI do. */
export { train, type TrainResult } from './train.js';
export { type FoldResult, type FoldsOptions, type FoldsResult, trainFolds } from './train-folds.js';
export { measure, type MeasureFilesOptions, type MeasureResult } from './measure.js';
export type { TrainOptions, TrainSettings } from './train-options.js';
export { type CompareOptions, compareRuns } from './compare-runs.js';
export { thresholdOnValidation } from './run-threshold.js';
export { findLearningRate, type LrFindOptions, type LrFindResult } from './lr-find.js';
export { type Recipe, recipeNamed, RECIPES, withRecipe } from './recipes/index.js';
