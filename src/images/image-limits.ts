/** The largest images, and the errors for images that are too large or damaged. Uses nothing from Node. */
import { PixelwiseError } from '../errors/index.js';

/** Maximum number of pixels in an image, checked before decoding (2²⁸: 16,384 × 16,384). */
export const MAX_PIXELS = 2 ** 28;

/** Maximum number of values (pixels × channels) in an image. */
const MAX_VALUES = 3 * MAX_PIXELS;

/** Values of an image that any file may have (67 million pixels of colour), and values per byte beyond that. */
const VALUES_OF_ANY_FILE = 3 * 2 ** 26;
const VALUES_PER_BYTE = 192;

/**
 * Throws `image-too-large` for a small file of very many pixels: a megabyte would take gigabytes of memory. Photographs
 * of that size take a hundred times as many bytes.
 */
export function checkExpansion(
  name: string,
  bytes: number,
  width: number,
  height: number,
  channels: number,
): void {
  const values = width * height * channels;
  if (values <= VALUES_OF_ANY_FILE || values <= VALUES_PER_BYTE * bytes) return;
  throw new PixelwiseError(
    'image-too-large',
    `${name}: ${width}×${height} pixels in a file of ${bytes.toLocaleString('en')} bytes. It is blank, or made to exhaust ` +
      'the memory. Cut the image into tiles or shrink it.',
  );
}

/** Throws `image-too-large` if width × height exceeds `most`. Call it before allocating memory. */
export function checkPixelCount(name: string, width: number, height: number, most = MAX_PIXELS): void {
  if (width * height <= most) return;
  const limit = most.toLocaleString('en');
  throw new PixelwiseError(
    'image-too-large',
    `${name}: ${width}×${height} pixels; the limit is ${limit}${most === MAX_PIXELS ? ' (16,384×16,384)' : ''}. ` +
      'Cut the image into tiles or shrink it.',
  );
}

/** Throws `image-too-large` if width × height × channels exceeds {@link MAX_VALUES}. */
export function checkValueCount(name: string, width: number, height: number, channels: number): void {
  if (width * height * channels <= MAX_VALUES) return;
  throw new PixelwiseError(
    'image-too-large',
    `${name}: ${width}×${height} pixels of ${channels} channels; the limit is ${MAX_VALUES.toLocaleString('en')} values. ` +
      'Cut the image into tiles or keep fewer channels.',
  );
}

/** The error for a truncated or inconsistent file. */
export function damaged(name: string, format: string, detail: string, cause?: unknown): PixelwiseError {
  return new PixelwiseError(
    'image-damaged',
    `${name}: damaged or truncated ${format} (${detail}). Copy or export the file again, or remove it.`,
    { cause },
  );
}
