/** Overlays in memory in Node: sharp draws the text of the legend and writes PNGs, in threads of its own. */
import { overlay } from '../images/overlay.js';
import { paintObjects } from '../images/paint-objects.js';
import type { RgbaImage } from '../images/paint-mask.js';
import { encodable } from '../images/portable-png.js';
import type { ClassMask, Raster } from '../images/raster.js';
import { loadSharp } from '../images/sharp.js';
import { checkDrawOptions, type DrawOverlayOptions, drawingOf } from './pictures.js';

/**
 * Draws a mask over its image: translucent class colours with outlined regions.
 *
 * ```ts
 * const { image, mask } = await segmenter.segment(file);
 * const png = await imageToPng(await drawOverlay(image, mask, { card: segmenter.card }));
 * ```
 *
 * @param image 1 or more channels, of which the first three are shown.
 * @returns an 8-bit RGB raster of the size of the image; with a legend it is larger, and the image is its top left corner.
 * @throws PixelwiseError `size-mismatch` if image and mask differ in size, UsageError for wrong options.
 */
export async function drawOverlay(
  image: Raster,
  mask: ClassMask,
  options: DrawOverlayOptions = {},
): Promise<Raster> {
  checkDrawOptions(options);
  if (options.objects) return paintObjects(image, options.objects, drawingOf(options));
  return overlay(image, mask, drawingOf(options));
}

/**
 * An 8-bit image as PNG: an overlay (RGB), a colored mask (RGB and opacity), a grey image.
 *
 * @throws PixelwiseError `image-encode` for other images, ShapeError for a wrong number of values.
 */
export async function imageToPng(image: Raster | RgbaImage): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, channels, data } = encodable(image);
  const sharp = await loadSharp();
  const png = await sharp(data, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png({ compressionLevel: 6 })
    .toBuffer();
  return new Uint8Array(png);
}
