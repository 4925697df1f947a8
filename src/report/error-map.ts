/** Where a prediction is wrong, and how: a picture of the off-diagonal of a confusion matrix. */
import { ShapeError } from '../errors/index.js';
import type { Colour } from '../images/palette.js';
import { encodeIndexedPng } from '../images/png-write.js';
import { type ClassMask, IGNORE_INDEX } from '../images/raster.js';

/** What a pixel of an error map can be. Of two classes, `wrongClass` does not occur. */
export const ERROR_KINDS = ['correct', 'falsePositive', 'falseNegative', 'wrongClass'] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

/**
 * Classes have the hues, so errors have none, or one that is no class's: with any colour vision white, black and
 * magenta differ by ΔE 15 and more from the first eleven classes (which among themselves differ by 16), by 12 and
 * more from the first twenty, and by 64 from one another.
 */
export const ERROR_COLOURS: Readonly<Record<Exclude<ErrorKind, 'correct'>, Colour>> = {
  /** Background that was taken for an object. */
  falsePositive: [255, 255, 255],
  /** An object that was taken for background. */
  falseNegative: [0, 0, 0],
  /** An object that was taken for another. */
  wrongClass: [255, 0, 255],
};

/**
 * What is right is veiled: a middle grey leaves the image so little contrast that neither its lights nor its
 * darks are taken for errors.
 */
const VEIL: Colour = [128, 128, 128];
const VEIL_WEIGHT = 0.8;

export interface ErrorMap {
  readonly width: number;
  readonly height: number;
  /** H×W, the place of the pixel's kind in {@link ERROR_KINDS}; ignored pixels count as correct. */
  readonly data: Uint8Array;
}

/**
 * Compares two masks of one size pixel by pixel.
 *
 * @param background the class that is no object; null where each is one, so that every error is `wrongClass`.
 * @throws ShapeError where the masks differ in size.
 */
export function errorMap(prediction: ClassMask, truth: ClassMask, background: number | null): ErrorMap {
  const { width, height } = truth;
  if (prediction.width !== width || prediction.height !== height) {
    throw new ShapeError(
      `A prediction of ${prediction.width}×${prediction.height} and a truth of ${width}×${height} cannot be compared; both masks must have one size.`,
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

/** An error map as a PNG in {@link ERROR_COLOURS}, to be laid over the image; a veil where nothing is wrong. */
export async function encodeErrorMap({ width, height, data }: ErrorMap): Promise<Uint8Array> {
  const { falsePositive, falseNegative, wrongClass } = ERROR_COLOURS;
  const palette = Uint8Array.from([...VEIL, ...falsePositive, ...falseNegative, ...wrongClass]);
  return encodeIndexedPng({ width, height, data, palette }, { veils: new Map([[0, VEIL_WEIGHT]]) });
}
