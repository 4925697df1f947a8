/**
 * How one sample is read, as plain data, and the reading of it: the same function serves the thread that opened
 * the data set and the threads of the loader.
 */
import { PixelwiseError } from '../errors/index.js';
import { decodeImage } from '../images/decode.js';
import type { ClassMask, Raster } from '../images/raster.js';
import { resizeMask } from '../images/resize.js';
import type { PageChoice } from '../images/tiff/image.js';
import { conform, type ImageLayout } from './conform.js';
import type { Sample } from './dataset.js';
import { type MaskReading, readMask } from './mask-reading.js';

export interface SampleReading {
  readonly id: string;
  /** Files, absolute. */
  readonly image: string;
  readonly mask: string;
  /** What the mask file's values mean; undefined where the mask is no file of its own but drawn. */
  readonly maskReading: MaskReading | undefined;
  /** Layouts that the image is brought to, one after the other. */
  readonly layouts: readonly ImageLayout[];
  /** Of TIFFs with several pages: the picture, or all pages as its channels; and the mask's page. */
  readonly page?: PageChoice | undefined;
  readonly maskPage?: number | undefined;
  /** Crops a mask that is one pixel larger, and resizes (nearest) one of its image's shape, instead of refusing them. */
  readonly resizeMasks: boolean;
}

/**
 * Decodes a sample; where the mask is drawn, `drawn` is it. Throws PixelwiseError naming the file;
 * `size-mismatch` names both sizes.
 */
export async function readSample(reading: SampleReading, drawn?: ClassMask): Promise<Sample> {
  const { id, layouts } = reading;
  const [decoded, mask] = await Promise.all([
    decodeImage(reading.image, { channels: layouts[0]?.channels, page: reading.page }),
    reading.maskReading === undefined ? drawn : readMask(reading.mask, reading.maskReading, reading.maskPage),
  ]);
  if (mask === undefined) throw new PixelwiseError('mask-missing', `${id}: its mask was not drawn.`);
  const image = layouts.reduce((raster, layout) => conform(raster, layout, reading.image), decoded);
  if (image.width === mask.width && image.height === mask.height) return { id, image, mask };
  if (reading.resizeMasks && isOneLarger(mask, image)) {
    const box = { x: 0, y: 0, width: image.width, height: image.height };
    return { id, image, mask: resizeMask(mask, image.width, image.height, box) };
  }
  if (reading.resizeMasks && sameShape(image, mask)) {
    return { id, image, mask: resizeMask(mask, image.width, image.height) };
  }
  throw new PixelwiseError(
    'size-mismatch',
    `${reading.mask}: the mask is ${mask.width}×${mask.height} and its image ${reading.image} is ` +
      `${image.width}×${image.height}. Export the mask again at the image's size` +
      (sameShape(image, mask)
        ? ', or have such masks resized: leave --strict out.'
        : ', or remove the pair.'),
  );
}

export type Size = Pick<Raster, 'width' | 'height'>;

/** True for a mask with one row or column more than its image, or both: how some tools round. */
export function isOneLarger(mask: Size, image: Size): boolean {
  const [across, down] = [mask.width - image.width, mask.height - image.height];
  return across >= 0 && across <= 1 && down >= 0 && down <= 1 && across + down > 0;
}

/** Width over height equal within 2%: one is a scaled copy of the other, give or take rounding. */
export function sameShape(a: Size, b: Size): boolean {
  return Math.abs((a.width * b.height) / (a.height * b.width) - 1) < 0.02;
}
