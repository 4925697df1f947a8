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

/** A new sample of the same size whose pixel (x, y) is `sample` at the places given. */
export function warp(sample: PairedSample, places: RowPlaces, fill: number): PairedSample {
  const { width, height, channels, image: source, mask: sourceMask } = sample;
  const plane = width * height;
  const image = new Float32Array(source.length);
  const mask = new Uint8Array(plane);
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
        if (fill !== 0) for (let c = 0; c < channels; c++) image[c * plane + i] = fill;
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
      let at = y0 * width + x0;
      const right = x0 < lastX ? 1 : 0;
      const below = y0 < lastY ? width : 0;
      for (let to = i; to < source.length; to += plane, at += plane) {
        const top = source[at]! + wx * (source[at + right]! - source[at]!);
        const bottom = source[at + below]! + wx * (source[at + below + right]! - source[at + below]!);
        image[to] = top + wy * (bottom - top);
      }
    }
  }
  return { ...sample, image, mask };
}
