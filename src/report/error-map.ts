/** Error maps: a picture of where a prediction is wrong, and in which way. */
import { ShapeError } from '../errors/index.js';
import type { Colour } from '../images/palette.js';
import { encodeIndexedPng } from '../images/png-write.js';
import { type ClassMask, IGNORE_INDEX } from '../images/raster.js';

/** Kinds of pixels in an error map. With two classes, `wrongClass` does not occur. */
export const ERROR_KINDS = ['correct', 'falsePositive', 'falseNegative', 'wrongClass'] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

/**
 * Colours that differ from all class colours under any colour vision: white, black and magenta differ by ΔE ≥ 15
 * from the first eleven class colours (which differ by ≥ 16 from one another), by ≥ 12 from the first twenty, and
 * by ≥ 64 from one another.
 */
export const ERROR_COLOURS: Readonly<Record<Exclude<ErrorKind, 'correct'>, Colour>> = {
  /** Background predicted as an object. */
  falsePositive: [255, 255, 255],
  /** An object predicted as background. */
  falseNegative: [0, 0, 0],
  /** An object predicted as another class. */
  wrongClass: [255, 0, 255],
};

/**
 * Correct pixels are covered with mid-grey. It reduces the contrast of the image, so that its light and dark
 * areas do not look like errors.
 */
const VEIL: Colour = [128, 128, 128];
const VEIL_WEIGHT = 0.8;

export interface ErrorMap {
  readonly width: number;
  readonly height: number;
  /** H×W, index of the pixel's kind in {@link ERROR_KINDS}; ignored pixels count as correct. */
  readonly data: Uint8Array;
}

/**
 * Compares two masks of the same size pixel by pixel.
 *
 * @param background index of the background class; null if there is none, and then every error is `wrongClass`.
 * @throws ShapeError if the masks differ in size.
 */
export function errorMap(prediction: ClassMask, truth: ClassMask, background: number | null): ErrorMap {
  const { width, height } = truth;
  if (prediction.width !== width || prediction.height !== height) {
    throw new ShapeError(
      `The prediction is ${prediction.width}×${prediction.height}, but the truth is ${width}×${height}; both masks must have the same size.`,
    );
  }
  const data = truth.data.map((actual, i) => {
    const predicted = prediction.data[i]!;
    if (actual === predicted || actual === IGNORE_INDEX) return 0;
    if (actual === background) return 1;
    return predicted === background ? 2 : 3;
  });
  return { width, height, data };
}

/** Encodes an error map as a PNG overlay in {@link ERROR_COLOURS}; correct pixels are a translucent grey. */
export async function encodeErrorMap({ width, height, data }: ErrorMap): Promise<Uint8Array> {
  const { falsePositive, falseNegative, wrongClass } = ERROR_COLOURS;
  const palette = Uint8Array.from([...VEIL, ...falsePositive, ...falseNegative, ...wrongClass]);
  return encodeIndexedPng({ width, height, data, palette }, { veils: new Map([[0, VEIL_WEIGHT]]) });
}
