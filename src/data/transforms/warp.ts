/**
 * Resamples a sample at given coordinates: bilinear for the image, nearest neighbour for the mask.
 *
 * Coordinates are in pixels; pixel i covers i to i + 1. A point outside the image gives `fill` in the image and
 * the ignore index in the mask. Between the border and the outermost pixel centres, the border pixels repeat. A
 * point less than a quarter pixel outside counts as on the border: rotating a mask forth and back moves a point
 * by up to √½ pixels, so a pixel centre, half a pixel inside, can land 0.21 pixels outside.
 */
import { IGNORE_INDEX, likeMask, type MaskPixels } from '../../images/raster.js';
import type { PairedSample } from '../paired-sample.js';

const TOLERANCE = 0.25;

/** Fills `xs` and `ys` with the input coordinates of output row `y`. */
export type RowCoordinates = (y: number, xs: Float64Array, ys: Float64Array) => void;

/** Copies of the input, because the output is written in place. Reused, since most warps have the same size. */
const inputCopy: { image: Float32Array; mask: MaskPixels } = {
  image: new Float32Array(0),
  mask: new Uint8Array(0),
};

/** Resamples `sample` in place at the coordinates that `coordinates` returns. */
export function warp(sample: PairedSample, coordinates: RowCoordinates, fill: number): PairedSample {
  const { width, height, channels, image, mask } = sample;
  const plane = width * height;
  if (inputCopy.image.length !== image.length) inputCopy.image = new Float32Array(image.length);
  if (inputCopy.mask.length !== plane || inputCopy.mask.BYTES_PER_ELEMENT !== mask.BYTES_PER_ELEMENT)
    inputCopy.mask = likeMask(mask, plane);
  const { image: source, mask: sourceMask } = inputCopy;
  source.set(image);
  sourceMask.set(mask);
  const xs = new Float64Array(width);
  const ys = new Float64Array(width);
  const [lastX, lastY] = [width - 1, height - 1];
  for (let y = 0, i = 0; y < height; y++) {
    coordinates(y, xs, ys);
    for (let x = 0; x < width; x++, i++) {
      const px = xs[x]!;
      const py = ys[x]!;
      if (!(px > -TOLERANCE && py > -TOLERANCE && px < width + TOLERANCE && py < height + TOLERANCE)) {
        mask[i] = IGNORE_INDEX;
        for (let c = 0; c < channels; c++) image[c * plane + i] = fill;
        continue;
      }
      const nearX = px < 0 ? 0 : px >= width ? lastX : px | 0;
      const nearY = py < 0 ? 0 : py >= height ? lastY : py | 0;
      mask[i] = sourceMask[nearY * width + nearX]!;
      const fx = px < 0.5 ? 0 : px > lastX + 0.5 ? lastX : px - 0.5;
      const fy = py < 0.5 ? 0 : py > lastY + 0.5 ? lastY : py - 0.5;
      const x0 = fx | 0;
      const y0 = fy | 0;
      const wx = fx - x0;
      const wy = fy - y0;
      const a = y0 * width + x0;
      const b = x0 < lastX ? a + 1 : a;
      const below = y0 < lastY ? width : 0;
      if (channels === 3) {
        image[i] = interpolate(source, a, b, below, wx, wy);
        image[i + plane] = interpolate(source, a + plane, b + plane, below, wx, wy);
        image[i + 2 * plane] = interpolate(source, a + 2 * plane, b + 2 * plane, below, wx, wy);
      } else {
        for (let at = 0; at < image.length; at += plane) {
          image[i + at] = interpolate(source, a + at, b + at, below, wx, wy);
        }
      }
    }
  }
  return sample;
}

/** Bilinear interpolation between the values at `a` and `b` and the values `below` them. */
function interpolate(
  source: Float32Array,
  a: number,
  b: number,
  below: number,
  wx: number,
  wy: number,
): number {
  const left = source[a]!;
  const top = left + wx * (source[b]! - left);
  const leftBelow = source[a + below]!;
  return top + wy * (leftBelow + wx * (source[b + below]! - leftBelow) - top);
}
