/**
 * Windows that may extend beyond the right and the bottom edge of their image. Training on patches and prediction in
 * tiles cut the same windows.
 */
import {
  IGNORE_INDEX,
  likeMask,
  makePixels,
  type MaskPixels,
  maxValueOf,
  type Raster,
} from '../images/raster.js';
import type { Box } from '../images/resize.js';
import type { Sample } from './dataset.js';

/** Copies the window of an image. Outside of the image, its last pixels are repeated. */
export function rasterWindow(image: Raster, { x, y, width, height }: Box): Raster {
  const { channels } = image;
  const data = makePixels(maxValueOf(image.data), width * height * channels);
  const inside = Math.min(width, image.width - x) * channels;
  const line = width * channels;
  for (let row = 0; row < height; row++) {
    const from = (Math.min(y + row, image.height - 1) * image.width + x) * channels;
    data.set(image.data.subarray(from, from + inside), row * line);
    for (let at = row * line + inside; at < (row + 1) * line; at += channels) {
      data.copyWithin(at, at - channels, at);
    }
  }
  return { width, height, channels, data };
}

/** Copies the window of a sample. Outside of the image, the mask has the ignore index. */
export function sampleWindow({ id, image, mask, objects }: Sample, box: Box): Sample {
  return {
    id,
    image: rasterWindow(image, box),
    mask: maskWindow(mask, box),
    ...(objects && { objects: maskWindow(objects, box) }),
  };
}

function maskWindow<T extends MaskPixels>(
  mask: { readonly width: number; readonly height: number; readonly data: T },
  { x, y, width, height }: Box,
): { width: number; height: number; data: T } {
  const values = likeMask(mask.data, width * height);
  values.fill(IGNORE_INDEX);
  const inside = Math.min(width, mask.width - x);
  for (let row = 0; row < Math.min(height, mask.height - y); row++) {
    const from = (y + row) * mask.width + x;
    values.set(mask.data.subarray(from, from + inside), row * width);
  }
  return { width, height, data: values };
}
