/**
 * Pixelwise: train, evaluate and deploy image-segmentation models.
 *
 * The parts for custom models are exported by layer: `pixelwise/graph`, `pixelwise/nn`, `pixelwise/optim`, …
 */
export { PixelwiseError, ShapeError, UsageError } from './errors/index.js';
export { Random, type StreamKey } from './random/index.js';

// Whole jobs: what the commands do.
export {
  type CompareOptions,
  compareRuns,
  findLearningRate,
  type FoldResult,
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
export type { Choice } from './jobs/choose.js';
export type { OptimizerFactory, ScheduleFactory } from './jobs/run-objects.js';
export type { ChoosingOptions } from './jobs/run-threshold.js';
export type { FoldSpreads } from './jobs/train-folds.js';
export type { Spread } from './report/index.js';
export type { NamedTrainOptions } from './jobs/train-options.js';
export type { DownloadProgress } from './files/download.js';
export type { Communicator } from './distributed/index.js';

// Using a trained model.
export {
  cleanMask,
  type CleanOptions,
  colorize,
  type ColorizeOptions,
  drawOverlay,
  type DrawOverlayOptions,
  evaluate,
  type EvaluateOptions,
  type Evaluation,
  exportRun,
  type ExportRunOptions,
  imageToPng,
  maskToCoco,
  maskToGeoJson,
  maskToPng,
  type MaskToPngOptions,
  maskToPolygons,
  predictFiles,
  type PredictOptions,
  type PredictOutput,
  type PredictResult,
  RasterSegmenter,
  Segmenter,
} from './inference/index.js';
export type {
  AskedOptions,
  CanvasLike,
  CardLook,
  CheckpointChoice,
  CocoAnnotations,
  Colour,
  Corner,
  DisplayRange,
  ExportedFile,
  FileSegmentOptions,
  ImageDataLike,
  ImageSource,
  LearnerData,
  LegendSide,
  LoadOptions,
  MaskFeature,
  MaskFeatures,
  MaskPolygon,
  ModelCard,
  ModelSource,
  ObjectFeature,
  ObjectFeatures,
  OutlineFormat,
  PolygonOptions,
  Precision,
  PrecisionScores,
  ResultChoice,
  RgbaImage,
  Ring,
  ScoredSample,
  Segmentation,
  SegmentationWith,
  SegmentedObjects,
  SegmentManyOptions,
  SegmentOptions,
  SharpLike,
  TestTimeAugmentation,
  ViewOptions,
} from './inference/index.js';
export type { GraphResults, GraphValue } from './inference/raster-segmenter.js';
export type { ClassMask, MaxValue, PixelValues, Raster } from './images/raster.js';
export type { Planes } from './images/resize.js';
export {
  type Intensity,
  type LabelImage,
  measureObjects,
  type MeasureOptions,
  type ObjectMap,
  type ObjectMask,
  type ObjectMeasurements,
  type ObjectScores,
  type Row,
} from './objects/index.js';

// Data.
export { Loader, openDataset } from './data/index.js';
export type {
  Batch,
  Dataset,
  FormatName,
  LoaderOptions,
  MaskValues,
  Normalization,
  OpenOptions,
  PairedSample,
  Sample,
  Sampler,
  SampleSource,
  Transform,
  UnnamedSample,
  ValueRange,
} from './data/index.js';
export type { ClassesOption } from './data/class-values.js';
export type { Finding } from './data/finding.js';
export type { EpochOptions } from './data/loader.js';
export type { FixedNormalization } from './data/normalization.js';
export type { SampleReading } from './data/sample-reading.js';

// Training.
export { fit, Learner } from './training/index.js';
export type {
  BatchEvent,
  BatchMetric,
  BatchShape,
  BatchSource,
  Best,
  Callback,
  CallbackState,
  ChosenThreshold,
  EpochRecord,
  EpochScores,
  FinalScores,
  FitContext,
  FitOptions,
  FitResult,
  FitState,
  LearnerCapture,
  LearnerOptions,
  LrPoint,
  LrSuggestions,
  Monitor,
  PublishedFigure,
  Replicas,
  RunScores,
  Share,
  StepOutput,
  StopReason,
  TallyState,
} from './training/index.js';
export type { Stage } from './training/callback.js';
export type { BuiltInMetric } from './training/callbacks/monitor.js';
export type { ClassScores, GroupScores, LossValues, SampleMetric, Scores } from './metrics/index.js';

// Runtimes and models.
export { createNodeRuntime, type NodeRuntimeOptions } from './runtime/node.js';
export type {
  ArrayStorage,
  Binding,
  Device,
  DeviceArray,
  KeptTensors,
  NamedDeviceArrays,
  Runtime,
  Session,
  SessionOptions,
  View,
} from './runtime/index.js';
export { createModel, unet, UNet } from './models/index.js';
export type { UNetOptions } from './models/index.js';
export type { DecoderNorm } from './models/decoder-norm.js';
export type { EncoderBn } from './models/encoder.js';
export type { SegmentationModel } from './models/model-entry.js';
export type { CreateOptions } from './models/registry.js';
export type { DoubleConv } from './models/unet.js';
export type { Upsampling } from './models/upsampling.js';
export type { Tensor } from './graph/index.js';
export type { Recompute } from './graph/passes/recomputation.js';
export type { Conv2d, Dropout, Layer, Loss, Module, ModelState } from './nn/index.js';
export type { LossTerm } from './nn/losses/loss.js';
export type { Buffer, Parameter } from './nn/parameter.js';
export type { NamedArray, StateFile } from './nn/state-dict.js';
export type { OnnxGraph } from './onnx/index.js';
export type { Optimizer, OptimizerOptions } from './optim/index.js';
export type { PixelSize } from './settings/index.js';
export type { DType, Shape, Target, TensorData } from './graph/index.js';
export type { LossSettings } from './nn/losses/registry.js';
export type { OnnxModel, OnnxNode, OnnxTensor, ValueInfo } from './onnx/index.js';
export type { ParameterGroup, Schedule, ScheduledRun } from './optim/index.js';
export type { Fit, SampleStore } from './data/index.js';
export type { MonitorMetric } from './training/index.js';
export type { MasksToScore, OutlineMetric, SampleScores } from './metrics/index.js';
export type { Calibration } from './metrics/calibration.js';
export type { ScoreIntervals } from './metrics/bootstrap.js';
export type { ValueMask } from './objects/index.js';
export type { Cell } from './objects/tables.js';
export type { MaskPixels } from './images/raster.js';
