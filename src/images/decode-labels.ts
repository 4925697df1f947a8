/** Decodes label images: a number for each object, of 8, 16 or 32 bits. */
import type { LabelImage } from '../objects/index.js';
import { PixelwiseError } from '../errors/index.js';
import { decodeStoredMask, type MaskDecodeOptions } from './decode-mask.js';

/**
 * The numbers as stored.
 *
 * @throws PixelwiseError `mask-colours` for a file in colour; else what `decodeStoredMask` throws.
 */
export async function decodeLabels(file: string, options: MaskDecodeOptions = {}): Promise<LabelImage> {
  const { width, height, channels, data, numbers } = await decodeStoredMask(file, options);
  if (channels !== 1) {
    throw new PixelwiseError(
      'mask-colours',
      `${file}: the image is in colour; a label image has one number per pixel. Save it as grey PNG or TIFF.`,
    );
  }
  return { width, height, data: numbers ?? data };
}
