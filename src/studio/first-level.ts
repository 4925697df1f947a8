/** Which reduced picture of a large image is shown first. The server makes it before the page asks. */

/** The longest side of the picture that is shown first. */
const LONGEST_FIRST = 2048;

/** The most pixels of an image that is shown at once; of a larger one, a reduced picture is shown first. */
const MOST_PIXELS_AT_ONCE = 4e6;

/** By which power of two an image is reduced in the picture that is shown first: 0 for small ones, as they are. */
export function firstLevel({ width, height }: { readonly width: number; readonly height: number }): number {
  if (width * height <= MOST_PIXELS_AT_ONCE) return 0;
  return Math.max(1, Math.ceil(Math.log2(Math.max(width, height) / LONGEST_FIRST)));
}
