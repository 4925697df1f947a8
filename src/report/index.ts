/** Reports: error maps, galleries, the film of training, and the pages that show them. */
export { comparisonPage, type ComparisonOptions, writeComparison } from './comparison/comparison.js';
export { type Column, type Compared, MOST_RUNS, readCompared } from './comparison/compared.js';
export { predictSamples, type PredictSamplesOptions } from './comparison/predict-samples.js';
export type { ComparedPrediction, ComparedSample, ComparedSamples } from './comparison/samples.js';
export { writeDataSheet } from './data-sheet.js';
export { film } from './film.js';
export { writeGallery } from './gallery.js';
export { ImageScores } from './image-scores.js';
export { writeReport } from './report.js';
export { type Spread, spreadOf } from './spread.js';
export type { FoldsSummary } from './comparison/folds-section.js';
