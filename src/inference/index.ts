/** From trained models to masks: segmenting, scoring, exporting. */
export * from './evaluate.js';
export { calibrationGraph, exportGraph, type ExportOptions, type Precision } from './export-graph.js';
export { type ExportedFile, exportRun, type ExportRunOptions, type PrecisionScores } from './export-run.js';
export * from './calibration.js';
export { type CheckpointChoice, loadRun, type LoadedRun } from './load-run.js';
export { DEFAULT_THRESHOLD, formatCard, type ModelCard, parseCard } from './model-card.js';
export * from './raster-segmenter.js';
export * from './segmenter.js';
export { type PredictOptions, type PredictOutput, type PredictResult, predictFiles } from './predict.js';
export {
  type OutlineFormat,
  type Result,
  type ResultChoice,
  type ResultPaths,
  resultPaths,
  writeResults,
} from './result-files.js';
export * from './outlines.js';
export * from './coco.js';
export { compressCounts, decodeRle, decompressCounts, encodeRle } from '../data/formats/rle.js';
export {
  type CleanOptions,
  cleanMask,
  type Component,
  type Components,
  connectedComponents,
} from './components.js';
export type { TestTimeAugmentation } from './symmetries.js';
