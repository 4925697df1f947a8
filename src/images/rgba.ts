/** Converts the pixels of canvases (red, green, blue, opacity) and colours to luminance. Uses nothing from Node. */
import { makePixels, maxValueOf, type Raster } from './raster.js';
import type { RgbaImage } from './paint-mask.js';

/** RGBA to RGB. Opacity is ignored, as everywhere in Pixelwise. */
export function coloursOf({
  width,
  height,
  data: rgba,
}: Pick<RgbaImage, 'width' | 'height'> & { readonly data: ArrayLike<number> }): Raster {
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = rgba[from]!;
    data[to + 1] = rgba[from + 1]!;
    data[to + 2] = rgba[from + 2]!;
  }
  return { width, height, channels: 3, data };
}

/**
 * The luminance of an RGB image (ITU-R BT.601 in 16-bit fixed point as in PIL, which keeps greys exactly unchanged). Images
 * without three channels stay as they are.
 */
export function asLuminance(image: Raster): Raster {
  const { width, height, channels, data: rgb } = image;
  if (channels !== 3) return image;
  const data = makePixels(maxValueOf(rgb), width * height);
  const isWhole = !(data instanceof Float32Array);
  for (let from = 0, to = 0; to < data.length; from += 3, to++) {
    const sum = rgb[from]! * 19595 + rgb[from + 1]! * 38470 + rgb[from + 2]! * 7471;
    data[to] = isWhole ? Math.floor((sum + 0x8000) / 0x10000) : sum / 0x10000;
  }
  return { width, height, channels: 1, data };
}
