/** Objects in label images: found, measured, written as tables. Runs in browsers. */
export { type Component, type Components, connectedComponents, type ValueMask } from './components.js';
export { type ObjectField, energyBytes, findObjects } from './find-objects.js';
export { indexLabels, type LabelImage } from './label-image.js';
export { classOfOutputs, energyOfOutputs, levelNames, levelsOf } from './levels.js';
export { type Intensity, measureObjects, type MeasureOptions, type ObjectMeasurements } from './measure.js';
export { classesOfCodes, objectCode, type ObjectMask } from './object-codes.js';
export {
  MASK_CONTENTS,
  type MaskContents,
  type ObjectMap,
  objectsOfCodes,
  objectsOfMask,
} from './object-map.js';
export {
  imageRow,
  type MeasuredObject,
  objectRows,
  parsePixelSize,
  type PixelSize,
  type Row,
  toCsv,
} from './tables.js';
export {
  type Fate,
  type ImageMatches,
  matchObjects,
  type ObjectMatching,
  ObjectScorer,
  type ObjectScores,
  summaryOfMatching,
} from './scores.js';
export { type Energy, findSeeds, watershed } from './watershed.js';
