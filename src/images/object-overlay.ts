/** Draws objects over their image: each with its outline in a colour of its own, and its number. */
import sharp from 'sharp';
import type { ObjectMap } from '../objects/index.js';
import { type OverlayOptions, toDisplay } from './overlay.js';
import { classColour } from './palette.js';
import type { Raster } from './raster.js';

/** Colours are repeated after this many objects. */
const COLOURS = 20;
/** Images with more objects have no numbers, which would cover everything. */
const MOST_NUMBERS = 2000;
const OPACITY = 0.25;

/**
 * @param options of {@link OverlayOptions} only `range`, and `outline` of 0 for no outlines.
 * @returns an 8-bit RGB raster of the size of the image.
 */
export async function objectOverlay(
  image: Raster,
  { labels, classes }: ObjectMap,
  { range, outline = 1 }: OverlayOptions = {},
): Promise<Raster> {
  const { width, height } = image;
  const data = toDisplay(image, range);
  const count = classes.length;
  const [rows, columns, areas] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const label = labels[i]!;
      if (label === 0) continue;
      rows[label - 1]! += y;
      columns[label - 1]! += x;
      areas[label - 1]!++;
      const isEdge =
        outline > 0 &&
        ((x > 0 && labels[i - 1] !== label) ||
          (x < width - 1 && labels[i + 1] !== label) ||
          (y > 0 && labels[i - width] !== label) ||
          (y < height - 1 && labels[i + width] !== label));
      const weight = isEdge ? 1 : OPACITY;
      const colour = classColour(1 + ((label - 1) % COLOURS));
      for (let c = 0; c < 3; c++) {
        data[3 * i + c] = Math.round((1 - weight) * data[3 * i + c]! + weight * colour[c]!);
      }
    }
  }
  const drawn: Raster = { width, height, channels: 3, data };
  if (count === 0 || count > MOST_NUMBERS) return drawn;
  const texts = Array.from(areas, (area, k) => {
    const size = Math.max(7, Math.min(24, Math.round(Math.sqrt(area) / 3)));
    const [x, y] = [columns[k]! / area + 0.5, rows[k]! / area + 0.5 + 0.35 * size];
    return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}">${k + 1}</text>`;
  });
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><g font-family="sans-serif" ` +
    `text-anchor="middle" fill="#fff" stroke="#000" stroke-width="1.5" paint-order="stroke">${texts.join('')}</g></svg>`;
  const numbered = await sharp(data, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(svg), left: 0, top: 0 }])
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  return { ...drawn, data: new Uint8Array(numbered) };
}
