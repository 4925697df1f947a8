/**
 * Looking a sample up at other places: the image bilinearly, the mask nearest, both at the same points.
 *
 * Coordinates are in pixels of the sample, pixel i reaching from i to i + 1. A point outside the frame gives
 * `fill` in the image and the ignore index in the mask; between the frame and the outermost pixel centres the
 * image repeats its border. A point less than a quarter pixel outside counts as on the frame: turning a mask
 * and turning it back moves a point by up to √½ pixels, so half a pixel inside may land 0.21 outside.
 */
import { IGNORE_INDEX } from '../../images/raster.js';
import type { PairedSample } from '../paired-sample.js';

const TOLERANCE = 0.25;

/** Fills `xs` and `ys` with the places at which output row `y` is looked up. */
export type RowPlaces = (y: number, xs: Float64Array, ys: Float64Array) => void;

/** What is looked up while its place is written to; warps are many and of one size. */
const lookedUp = { image: new Float32Array(0), mask: new Uint8Array(0) };

/** `sample` with every pixel (x, y) taken from the places given, in place. */
export function warp(sample: PairedSample, places: RowPlaces, fill: number): PairedSample {
  const { width, height, channels, image, mask } = sample;
  const plane = width * height;
  if (lookedUp.image.length !== image.length) lookedUp.image = new Float32Array(image.length);
  if (lookedUp.mask.length !== plane) lookedUp.mask = new Uint8Array(plane);
  const { image: source, mask: sourceMask } = lookedUp;
  source.set(image);
  sourceMask.set(mask);
  const xs = new Float64Array(width);
  const ys = new Float64Array(width);
  const [lastX, lastY] = [width - 1, height - 1];
  for (let y = 0, i = 0; y < height; y++) {
    places(y, xs, ys);
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
        image[i] = mixed(source, a, b, below, wx, wy);
        image[i + plane] = mixed(source, a + plane, b + plane, below, wx, wy);
        image[i + 2 * plane] = mixed(source, a + 2 * plane, b + 2 * plane, below, wx, wy);
      } else {
        for (let at = 0; at < image.length; at += plane) {
          image[i + at] = mixed(source, a + at, b + at, below, wx, wy);
        }
      }
    }
  }
  return sample;
}

/** Between the values at `a` and `b` and those `below` them, bilinearly. */
function mixed(source: Float32Array, a: number, b: number, below: number, wx: number, wy: number): number {
  const left = source[a]!;
  const top = left + wx * (source[b]! - left);
  const leftBelow = source[a + below]!;
  return top + wy * (leftBelow + wx * (source[b + below]! - leftBelow) - top);
}
