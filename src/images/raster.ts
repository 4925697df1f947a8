/** The shapes in which pixels travel: the raster (values as decoded) and the class mask. */

export { IGNORE_INDEX } from '../labels/ignore-index.js';

/** Pixels in memory, as decoded: rows from the top, channels interleaved (H×W×C). */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB, or as many as the file holds. */
  readonly channels: number;
  readonly data: PixelValues;
}

/**
 * 8-bit values 0…255, 16-bit values 0…65,535, or numbers as they are (files with signed, 32-bit or floating-point
 * samples).
 */
export type PixelValues = Uint8Array | Uint16Array | Float32Array;

/** The largest value of 8 and 16 bits, by which values are divided to 0…1; 1 for numbers as they are. */
export type MaxValue = 255 | 65535 | 1;

/** Room for `length` values of that range. */
export function makePixels(maxValue: number, length: number): PixelValues {
  if (maxValue === 1) return new Float32Array(length);
  return maxValue === 255 ? new Uint8Array(length) : new Uint16Array(length);
}

/** The {@link MaxValue} of an array of pixels. */
export function maxValueOf(data: PixelValues): MaxValue {
  return data instanceof Uint8Array ? 255 : data instanceof Uint16Array ? 65535 : 1;
}

/** The class of every pixel (H×W): 0…254, and {@link IGNORE_INDEX} where a pixel counts for nothing. */
export interface ClassMask {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}
