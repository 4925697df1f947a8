/** Converts the images of a data set to the same channels and the same largest value. */
import { PixelwiseError } from '../errors/index.js';
import { makePixels, maxValueOf, type Raster } from '../images/raster.js';

/** The layout that every image of a data set is read in. */
export interface ImageLayout {
  readonly channels: number;
  /** 255, 65,535, or 1 for numbers as they are: see {@link MaxValue}. */
  readonly maxValue: number;
}

/** The layout that holds all of these without loss: the most channels, the widest values. */
export function commonLayout(layouts: readonly ImageLayout[]): ImageLayout {
  const depths = layouts.map((layout) => layout.maxValue);
  return {
    channels: Math.max(1, ...layouts.map((layout) => layout.channels)),
    maxValue: depths.includes(1) ? 1 : Math.max(255, ...depths),
  };
}

/** `8 bits`, `16 bits` or `32-bit numbers`, for messages. */
export function depthName(maxValue: number): string {
  return maxValue === 1 ? '32-bit numbers' : maxValue === 255 ? '8 bits' : '16 bits';
}

/**
 * Grey becomes RGB by repetition, RGB whose channels are equal becomes grey, 8 bits become 16 (×257), and 16 bits
 * become the same numbers.
 * Throws `image-channels` naming the file where that would lose something.
 */
export function conform(image: Raster, { channels, maxValue }: ImageLayout, file: string): Raster {
  const depth = maxValueOf(image.data);
  if (image.channels === channels && depth === maxValue) return image;
  const repeat = image.channels === 1 && channels === 3;
  const collapse = image.channels === 3 && channels === 1 && isGrey(image);
  const widens =
    depth === maxValue || (depth === 255 ? maxValue === 65535 : depth === 65535 && maxValue === 1);
  if ((image.channels !== channels && !repeat && !collapse) || !widens) {
    throw new PixelwiseError(
      'image-channels',
      `${file}: ${image.channels} channels of ${depthName(depth)}, in a data set of ${channels} channels of ` +
        `${depthName(maxValue)}. Save it like the others or remove it.`,
    );
  }
  const pixels = image.width * image.height;
  const gain = maxValue === 65535 && depth === 255 ? 257 : 1;
  const data = makePixels(maxValue, pixels * channels);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < channels; c++) {
      data[i * channels + c] = image.data[i * image.channels + (repeat ? 0 : c)]! * gain;
    }
  }
  return { width: image.width, height: image.height, channels, data };
}

function isGrey({ data }: Raster): boolean {
  for (let i = 0; i < data.length; i += 3)
    if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return false;
  return true;
}
