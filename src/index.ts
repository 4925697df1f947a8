/**
 * Pixelwise: train, judge and ship image-segmentation models.
 *
 * The parts for custom models are exported by layer: `pixelwise/graph`, `pixelwise/nn`, `pixelwise/optim`, …
 */
export { PixelwiseError, ShapeError, UsageError } from './errors/index.js';
export { Random } from './random/index.js';
export {
  type CompareOptions,
  compareRuns,
  findLearningRate,
  type FoldsOptions,
  type FoldsResult,
  type LrFindOptions,
  type LrFindResult,
  measure,
  type MeasureFilesOptions,
  type MeasureResult,
  type Recipe,
  recipeNamed,
  RECIPES,
  thresholdOnValidation,
  train,
  trainFolds,
  type TrainOptions,
  type TrainResult,
  type TrainSettings,
  withRecipe,
} from './jobs/index.js';
export { measureObjects, type LabelImage, type ObjectMeasurements } from './objects/index.js';
export { colorize, drawOverlay, imageToPng, maskToPng, Segmenter } from './inference/index.js';
export { openDataset, Loader } from './data/index.js';
export type { Batch, Dataset, Sample, Transform } from './data/index.js';
export { fit, Learner } from './training/index.js';
export type { BatchSource, Callback, EpochRecord, FitContext, FitOptions } from './training/index.js';
export { createNodeRuntime } from './runtime/node.js';
export { createModel, unet, UNet } from './models/index.js';
export type { UNetOptions } from './models/index.js';
