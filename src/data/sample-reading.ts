/**
 * Reads one sample from its files. How to read it is plain data, so that the main thread and the loader's threads
 * use the same function.
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
  /** Absolute paths. */
  readonly image: string;
  readonly mask: string;
  /** What the mask file's values mean; undefined if the mask is drawn from annotations. */
  readonly maskReading: MaskReading | undefined;
  /** Layouts to which the image is converted, in order. */
  readonly layouts: readonly ImageLayout[];
  /** For multi-page TIFFs: the image's page, or all pages as its channels; and the mask's page. */
  readonly page?: PageChoice | undefined;
  readonly maskPage?: number | undefined;
  /**
   * Crop masks that are one pixel too large and resize (nearest) masks with the image's aspect ratio, instead of
   * throwing.
   */
  readonly resizeMasks: boolean;
}

/**
 * Decodes a sample.
 * @param drawn the mask, if it is drawn from annotations.
 * @throws PixelwiseError that names the file; `size-mismatch` if the mask's size does not fit.
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

/** Whether a mask has one more row, column or both than its image, as some tools produce by rounding. */
export function isOneLarger(mask: Size, image: Size): boolean {
  const [across, down] = [mask.width - image.width, mask.height - image.height];
  return across >= 0 && across <= 1 && down >= 0 && down <= 1 && across + down > 0;
}

/** Whether the aspect ratios are equal within 2%, so that one is a scaled copy of the other up to rounding. */
export function sameShape(a: Size, b: Size): boolean {
  return Math.abs((a.width * b.height) / (a.height * b.width) - 1) < 0.02;
}
