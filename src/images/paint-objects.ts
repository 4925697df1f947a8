/** Draws objects over their image: each with its outline in a colour of its own. Uses nothing from Node. */
import type { ObjectMap } from '../objects/index.js';
import { type PaintOptions, toDisplay } from './paint-mask.js';
import { classColour } from './palette.js';
import type { Raster } from './raster.js';

/** Colours are repeated after this many objects. */
const COLOURS = 20;
const OPACITY = 0.25;

/**
 * @param options of {@link PaintOptions} only `range`, `opacity` (default 0.25), and `outline` of 0 for no outlines.
 * @returns an 8-bit RGB raster of the size of the image.
 */
export function paintObjects(
  image: Raster,
  { labels }: ObjectMap,
  { range, outline = 1, opacity = OPACITY }: PaintOptions = {},
): Raster {
  const { width, height } = image;
  const data = toDisplay(image, range);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const label = labels[i]!;
      if (label === 0) continue;
      const isEdge =
        outline > 0 &&
        ((x > 0 && labels[i - 1] !== label) ||
          (x < width - 1 && labels[i + 1] !== label) ||
          (y > 0 && labels[i - width] !== label) ||
          (y < height - 1 && labels[i + width] !== label));
      const weight = isEdge ? 1 : opacity;
      const colour = classColour(1 + ((label - 1) % COLOURS));
      for (let c = 0; c < 3; c++) {
        data[3 * i + c] = Math.round((1 - weight) * data[3 * i + c]! + weight * colour[c]!);
      }
    }
  }
  return { width, height, channels: 3, data };
}
