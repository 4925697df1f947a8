/** The types for pixels in memory: rasters (values as decoded) and class masks. */

export { IGNORE_INDEX } from '../labels/ignore-index.js';

/** An image as decoded: rows from the top, channels interleaved (H×W×C). */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** 1 for grey, 3 for RGB, or the number of bands in the file. */
  readonly channels: number;
  readonly data: PixelValues;
}

/**
 * 8-bit values 0…255, 16-bit values 0…65,535, or unscaled numbers (files with signed, 32-bit or floating-point
 * samples).
 */
export type PixelValues = Uint8Array | Uint16Array | Float32Array;

/** The divisor that scales values to 0…1: the maximum of 8 or 16 bits, or 1 for unscaled numbers. */
export type MaxValue = 255 | 65535 | 1;

/** Allocates an array of `length` values of that range. */
export function makePixels(maxValue: number, length: number): PixelValues {
  if (maxValue === 1) return new Float32Array(length);
  return maxValue === 255 ? new Uint8Array(length) : new Uint16Array(length);
}

/** The {@link MaxValue} of an array of pixels. */
export function maxValueOf(data: PixelValues): MaxValue {
  return data instanceof Uint8Array ? 255 : data instanceof Uint16Array ? 65535 : 1;
}

/** Classes of pixels, or codes of objects with their classes (objects/object-codes.ts). */
export type MaskPixels = Uint8Array | Uint32Array;

/** An array of `length` values of the same kind. */
export function likeMask<T extends MaskPixels>(mask: T, length: number): T {
  return (mask instanceof Uint8Array ? new Uint8Array(length) : new Uint32Array(length)) as T;
}

/** The class of every pixel (H×W): 0…254, or `IGNORE_INDEX` for pixels that losses and scores ignore. */
export interface ClassMask {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}
