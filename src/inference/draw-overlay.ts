/** Overlays in memory in Node: sharp draws the text of the legend. */
import { overlay } from '../images/overlay.js';
import { paintObjects } from '../images/paint-objects.js';
import type { ClassMask, Raster } from '../images/raster.js';
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
