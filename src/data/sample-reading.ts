/**
 * Reads one sample from its files. How to read it is plain data, so that the main thread and the loader's threads
 * use the same function.
 */
import { PixelwiseError } from '../errors/index.js';
import { decodeImage } from '../images/decode.js';
import type { ClassMask, MaskPixels, Raster } from '../images/raster.js';
import { resizeMask } from '../images/resize.js';
import type { PageChoice } from '../images/tiff/image.js';
import { conform, type ImageLayout } from './conform.js';
import type { Sample } from './dataset.js';
import { classesOfCodes, type ObjectMask } from '../objects/index.js';
import { type MaskReading, readMask, readObjects } from './mask-reading.js';

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
  /** Also tell objects apart. */
  readonly objects?: boolean | undefined;
}

/**
 * Decodes a sample.
 * @param drawn the mask, or the codes of objects if these are told apart, if it is drawn from annotations.
 * @throws PixelwiseError that names the file; `size-mismatch` if the mask's size does not fit.
 */
export async function readSample(reading: SampleReading, drawn?: ClassMask | ObjectMask): Promise<Sample> {
  const { id, layouts } = reading;
  const [decoded, mask] = await Promise.all([
    decodeImage(reading.image, { channels: layouts[0]?.channels, page: reading.page }),
    reading.maskReading === undefined
      ? drawn
      : (reading.objects ? readObjects : readMask)(reading.mask, reading.maskReading, reading.maskPage),
  ]);
  if (mask === undefined) throw new PixelwiseError('mask-missing', `${id}: its mask was not drawn.`);
  const image = layouts.reduce((raster, layout) => conform(raster, layout, reading.image), decoded);
  const fitted = fittedMask(reading, mask, image);
  const { width, height, data } = fitted;
  if (data instanceof Uint8Array) return { id, image, mask: { width, height, data } };
  return {
    id,
    image,
    mask: { width, height, data: classesOfCodes(data) },
    objects: { width, height, data },
  };
}

type AnyMask = { readonly width: number; readonly height: number; readonly data: MaskPixels };

/** The mask at the size of its image. */
function fittedMask(reading: SampleReading, mask: AnyMask, image: Raster): AnyMask {
  if (image.width === mask.width && image.height === mask.height) return mask;
  if (reading.resizeMasks && isOneLarger(mask, image)) {
    const box = { x: 0, y: 0, width: image.width, height: image.height };
    return resizeMask(mask, image.width, image.height, box);
  }
  if (reading.resizeMasks && sameShape(image, mask)) {
    return resizeMask(mask, image.width, image.height);
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
