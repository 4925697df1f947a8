/** Inference with trained models: segmenting, scoring, exporting. */
export {
  chooseThreshold,
  evaluate,
  type EvaluateOptions,
  type Evaluation,
  type ScoredSample,
} from './evaluate.js';
export { calibrationGraph, exportGraph, type ExportOptions, type Precision } from './export-graph.js';
export { type ExportedFile, exportRun, type ExportRunOptions, type PrecisionScores } from './export-run.js';
export {
  type ActivationRange,
  calibrate,
  type CalibrateOptions,
  type CalibrationImages,
} from './calibration.js';
export { type CheckpointChoice, loadRun, type LoadedRun } from './load-run.js';
export { DEFAULT_THRESHOLD, formatCard, type ModelCard, parseCard } from './model-card.js';
export { RasterSegmenter } from './raster-segmenter.js';
export type {
  AskedOptions,
  FileSegmentOptions,
  Segmentation,
  SegmentationWith,
  SegmentedObjects,
  SegmentOptions,
  ViewOptions,
} from './segmentation.js';
export { segmentOptionsIn } from './segmentation.js';
export type { CanvasLike, ImageDataLike, ImageSource, SharpLike } from './image-source.js';
export {
  type LearnerData,
  type LoadOptions,
  type ModelSource,
  Segmenter,
  type SegmentManyOptions,
} from './segmenter.js';
export { drawOverlay, imageToPng } from './draw-overlay.js';
export {
  type CardLook,
  colorize,
  type ColorizeOptions,
  type DrawOverlayOptions,
  maskToPng,
  type MaskToPngOptions,
  paletteOf,
} from './pictures.js';
export type { DisplayRange, RgbaImage } from '../images/paint-mask.js';
export type { LegendSide } from '../images/legend.js';
export type { Colour } from '../images/palette.js';
export type { ObjectFeature, ObjectFeatures } from './object-outlines.js';
export { type PredictOptions, type PredictOutput, type PredictResult, predictFiles } from './predict.js';
export {
  type OutlineFormat,
  pathsIn,
  type Result,
  type ResultChoice,
  type ResultPaths,
  resultPaths,
  writeResults,
} from './result-files.js';
export {
  type Corner,
  type MaskFeature,
  type MaskFeatures,
  type MaskPolygon,
  maskToGeoJson,
  maskToPolygons,
  type PolygonOptions,
  type Ring,
} from './outlines.js';
export { type ClassRuns, type CocoAnnotations, maskToCoco, maskToRuns } from './coco.js';
export { compressCounts, decodeRle, decompressCounts, encodeRle } from '../data/formats/rle.js';
export { type CleanOptions, cleanMask } from './components.js';
export { type Component, type Components, connectedComponents } from '../objects/index.js';
export type { TestTimeAugmentation } from './symmetries.js';
export { ENSEMBLE, ensembleModel } from './ensemble.js';
export { FOLDS_FILE, isModel, membersOf } from './members.js';
