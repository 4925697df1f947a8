/**
 * A mask that keeps objects apart: the code of a pixel is 256 times the number of its object plus its class. Transforms
 * move codes as they move classes, so that no object is merged with another one or cut: a background pixel is 0, an
 * ignored one `IGNORE_INDEX`, as in a mask of classes.
 */
export interface ObjectMask {
  readonly width: number;
  readonly height: number;
  /** H×W. */
  readonly data: Uint32Array;
}

/** The largest number of an object. */
export const MOST_OBJECTS = 2 ** 24 - 1;

/** @param number from 1 to {@link MOST_OBJECTS}. @param value the class. */
export const objectCode = (number: number, value: number): number => number * 256 + value;

/** The class of every pixel. */
export function classesOfCodes(codes: ArrayLike<number>): Uint8Array {
  const classes = new Uint8Array(codes.length);
  for (let i = 0; i < codes.length; i++) classes[i] = codes[i]! & 255;
  return classes;
}
