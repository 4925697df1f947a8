/** Draws objects over their image, each with its number, which sharp draws. */
import type { ObjectMap } from '../objects/index.js';
import type { PaintOptions } from './paint-mask.js';
import { paintObjects } from './paint-objects.js';
import type { Raster } from './raster.js';
import { loadSharp } from './sharp.js';

/** Images with more objects have no numbers, which would cover everything. */
const MOST_NUMBERS = 2000;

/** Draws as {@link paintObjects} does, and the numbers. */
export async function objectOverlay(
  image: Raster,
  objects: ObjectMap,
  options: PaintOptions = {},
): Promise<Raster> {
  const { labels, classes } = objects;
  const { width, height } = image;
  const drawn = paintObjects(image, objects, options);
  const count = classes.length;
  if (count === 0 || count > MOST_NUMBERS) return drawn;
  const [rows, columns, areas] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const label = labels[i]!;
      if (label === 0) continue;
      rows[label - 1]! += y;
      columns[label - 1]! += x;
      areas[label - 1]!++;
    }
  }
  const texts = Array.from(areas, (area, k) => {
    const size = Math.max(7, Math.min(24, Math.round(Math.sqrt(area) / 3)));
    const [x, y] = [columns[k]! / area + 0.5, rows[k]! / area + 0.5 + 0.35 * size];
    return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}">${k + 1}</text>`;
  });
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><g font-family="sans-serif" ` +
    `text-anchor="middle" fill="#fff" stroke="#000" stroke-width="1.5" paint-order="stroke">${texts.join('')}</g></svg>`;
  const sharp = await loadSharp();
  const numbered = await sharp(drawn.data, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(svg), left: 0, top: 0 }])
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  return { ...drawn, data: new Uint8Array(numbered) };
}
