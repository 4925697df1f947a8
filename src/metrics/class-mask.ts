/** Masks of one class from maps of class indices, for scores of outlines. */
import { ShapeError } from '../errors/index.js';
import { IGNORE_INDEX } from './confusion-matrix.js';

/** The class to compare, and the size of the maps. */
export interface OutlineOptions {
  readonly height: number;
  readonly width: number;
  /** The class whose outlines are compared. */
  readonly classIndex: number;
  /** Pixels with this true value are left out of both masks; default 255. */
  readonly ignore?: number;
}

/** Predicted and true masks of one class: 1 inside, 0 outside. */
export interface MaskPair {
  readonly predicted: Uint8Array;
  readonly truth: Uint8Array;
}

/** @throws ShapeError if prediction or target does not have H×W pixels. */
export function maskPair(
  prediction: Uint8Array,
  target: Uint8Array,
  { height, width, classIndex, ignore = IGNORE_INDEX }: OutlineOptions,
): MaskPair {
  const pixels = height * width;
  if (prediction.length !== pixels || target.length !== pixels) {
    throw new ShapeError(
      `${prediction.length} predicted and ${target.length} true pixels; both masks must have ${height}×${width} = ${pixels}.`,
    );
  }
  const predicted = new Uint8Array(pixels);
  const truth = new Uint8Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const t = target[i]!;
    if (t === ignore) continue;
    if (prediction[i] === classIndex) predicted[i] = 1;
    if (t === classIndex) truth[i] = 1;
  }
  return { predicted, truth };
}
