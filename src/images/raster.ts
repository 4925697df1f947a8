/** The shapes in which pixels travel: the raster (values as decoded) and the class mask. */

/** Pixels in memory, as decoded: rows from the top, channels interleaved (H×W×C). */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB, or as many as the file holds. */
  readonly channels: number;
  /** 8-bit values 0…255, or 16-bit values 0…65,535. */
  readonly data: Uint8Array | Uint16Array;
}

/** The class of every pixel (H×W): 0…254, and {@link IGNORE_INDEX} where a pixel counts for nothing. */
export interface ClassMask {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Pixels of this value are left out of the loss and of every score. */
export const IGNORE_INDEX = 255;
