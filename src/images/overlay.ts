/** Draws a mask over its image, with a legend whose text sharp draws. */
import { joinLegend, legendLayout, type LegendLayout, type OverlayOptions, shownEntries } from './legend.js';
import { paintMask } from './paint-mask.js';
import type { ClassMask, Raster } from './raster.js';
import { loadSharp } from './sharp.js';

/**
 * Draws `mask` over `image`, as {@link paintMask} does.
 * @returns an 8-bit RGB raster, larger than the image if it has a legend.
 * @throws PixelwiseError `size-mismatch` if the sizes differ.
 */
export async function overlay(image: Raster, mask: ClassMask, options: OverlayOptions = {}): Promise<Raster> {
  const drawn = paintMask(image, mask, options);
  const entries = shownEntries(mask, options);
  if (entries.length === 0) return drawn;
  const { legendSide = 'below' } = options;
  const layout = legendLayout(image, entries, legendSide);
  return joinLegend(drawn, { ...layout, data: await drawLegend(layout) }, 3, legendSide);
}

/**
 * Cache of legends: the images of a folder mostly share one, and drawing text takes as long as running a small
 * model.
 */
const drawings = new Map<string, Promise<Uint8Array>>();
const MAX_DRAWINGS = 16;

/** The RGB pixels of a legend. Without fonts on the machine, only swatches are visible. */
function drawLegend({ width, height, size, items }: LegendLayout): Promise<Uint8Array> {
  const drawn = items.map(
    ({ name, colour, left, top, textLeft, baseLine }) =>
      `<rect x="${left}" y="${top}" width="${size}" height="${size}" fill="rgb(${colour.join()})" ` +
      `stroke="#888" stroke-width="1"/><text x="${textLeft}" y="${baseLine}" ` +
      `font-family="sans-serif" font-size="${size}" fill="#222">${escapeXml(name)}</text>`,
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#fff"/>${drawn.join('')}</svg>`;
  let drawing = drawings.get(svg);
  if (!drawing) {
    drawing = rgbOf(svg);
    drawing.catch(() => drawings.delete(svg));
    if (drawings.size >= MAX_DRAWINGS) drawings.delete(drawings.keys().next().value!);
    drawings.set(svg, drawing);
  }
  return drawing;
}

async function rgbOf(svg: string): Promise<Uint8Array> {
  const sharp = await loadSharp();
  return sharp(Buffer.from(svg)).removeAlpha().toColourspace('srgb').raw().toBuffer();
}

/** Escapes text for SVG content and attributes. Characters that XML 1.0 does not allow become U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[<>&"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
