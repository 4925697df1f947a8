/** Images of one data set brought to one layout: the same channels and the same largest value. */
import { PixelwiseError } from '../errors/index.js';
import type { Raster } from '../images/raster.js';

/** The layout that every image of a data set is read in. */
export interface ImageLayout {
  readonly channels: number;
  /** 255 or 65,535. */
  readonly maxValue: number;
}

/** The layout that holds all of these without loss: the most channels, the most bits. */
export function commonLayout(layouts: readonly ImageLayout[]): ImageLayout {
  return {
    channels: Math.max(1, ...layouts.map((layout) => layout.channels)),
    maxValue: Math.max(255, ...layouts.map((layout) => layout.maxValue)),
  };
}

/**
 * Grey becomes RGB by repetition, RGB whose channels are equal becomes grey, 8 bits become 16 (×257).
 * Throws `image-channels` naming the file where that would lose something.
 */
export function conform(image: Raster, { channels, maxValue }: ImageLayout, file: string): Raster {
  const wide = image.data instanceof Uint16Array;
  if (image.channels === channels && wide === maxValue > 255) return image;
  const repeat = image.channels === 1 && channels === 3;
  const collapse = image.channels === 3 && channels === 1 && isGrey(image);
  if ((image.channels !== channels && !repeat && !collapse) || (wide && maxValue === 255)) {
    throw new PixelwiseError(
      'image-channels',
      `${file}: ${image.channels} channels of ${wide ? 16 : 8} bits, in a data set of ${channels} channels of ` +
        `${maxValue > 255 ? 16 : 8} bits. Save it like the others or remove it.`,
    );
  }
  const pixels = image.width * image.height;
  const gain = maxValue > 255 && !wide ? 257 : 1;
  const data = maxValue > 255 ? new Uint16Array(pixels * channels) : new Uint8Array(pixels * channels);
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
