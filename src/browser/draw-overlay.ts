/** Overlays in memory in a browser: a canvas draws the text of the legend. */
import { PixelwiseError } from '../errors/index.js';
import { joinLegend, legendLayout, type LegendLayout, shownEntries } from '../images/legend.js';
import { paintMask, type RgbaImage } from '../images/paint-mask.js';
import { paintObjects } from '../images/paint-objects.js';
import { imagePng } from '../images/portable-png.js';
import type { ClassMask, Raster } from '../images/raster.js';
import { checkDrawOptions, type DrawOverlayOptions, drawingOf } from '../inference/pictures.js';

/**
 * Draws a mask over its image: translucent class colours with outlined regions. Without a legend, the pixels are those that
 * Node draws.
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
  const drawing = drawingOf(options);
  if (options.objects) return paintObjects(image, options.objects, drawing);
  const drawn = paintMask(image, mask, drawing);
  const entries = shownEntries(mask, drawing);
  if (entries.length === 0) return drawn;
  const side = drawing.legendSide!;
  return joinLegend(drawn, drawLegend(legendLayout(image, entries, side)), 4, side);
}

/**
 * An 8-bit image as PNG: an overlay (RGB), a colored mask (RGB and opacity), a grey image.
 *
 * @throws PixelwiseError `image-encode` for other images, ShapeError for a wrong number of values.
 */
export async function imageToPng(image: Raster | RgbaImage): Promise<Uint8Array<ArrayBuffer>> {
  return imagePng(image);
}

function drawLegend({ width, height, size, items }: LegendLayout): ImageData {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (context === null) {
    throw new PixelwiseError('image-too-large', `The legend, ${width}×${height}, is too large for a canvas.`);
  }
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.font = `${size}px sans-serif`;
  context.strokeStyle = '#888';
  for (const { name, colour, left, top, textLeft, baseLine } of items) {
    context.fillStyle = `rgb(${colour.join()})`;
    context.fillRect(left, top, size, size);
    context.strokeRect(left, top, size, size);
    context.fillStyle = '#222';
    context.fillText(name, textLeft, baseLine);
  }
  return context.getImageData(0, 0, width, height);
}
