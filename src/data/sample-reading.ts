/**
 * How one sample is read, as plain data, and the reading of it: the same function serves the thread that opened
 * the data set and the threads of the loader.
 */
import { PixelwiseError } from '../errors/index.js';
import { decodeImage } from '../images/decode.js';
import type { ClassMask, Raster } from '../images/raster.js';
import { resizeMask } from '../images/resize.js';
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
  /** Resizes a mask of another size but the shape of its image (nearest), instead of refusing it. */
  readonly resizeMasks: boolean;
}

/**
 * Decodes a sample; where the mask is drawn, `drawn` is it. Throws PixelwiseError naming the file;
 * `size-mismatch` names both sizes.
 */
export async function readSample(reading: SampleReading, drawn?: ClassMask): Promise<Sample> {
  const { id, layouts } = reading;
  const [decoded, mask] = await Promise.all([
    decodeImage(reading.image, { channels: layouts[0]?.channels }),
    reading.maskReading === undefined ? drawn : readMask(reading.mask, reading.maskReading),
  ]);
  if (mask === undefined) throw new PixelwiseError('mask-missing', `${id}: its mask was not drawn.`);
  const image = layouts.reduce((raster, layout) => conform(raster, layout, reading.image), decoded);
  if (image.width === mask.width && image.height === mask.height) return { id, image, mask };
  if (reading.resizeMasks && sameShape(image, mask)) {
    return { id, image, mask: resizeMask(mask, image.width, image.height) };
  }
  throw new PixelwiseError(
    'size-mismatch',
    `${reading.mask}: the mask is ${mask.width}×${mask.height} and its image ${reading.image} is ` +
      `${image.width}×${image.height}. Export the mask again at the image's size` +
      (sameShape(image, mask) ? ', or have such masks resized (--resize-masks).' : ', or remove the pair.'),
  );
}

/** Width over height equal within 2%: one is a scaled copy of the other, give or take rounding. */
export function sameShape(a: Pick<Raster, 'width' | 'height'>, b: Pick<Raster, 'width' | 'height'>): boolean {
  return Math.abs((a.width * b.height) / (a.height * b.width) - 1) < 0.02;
}
