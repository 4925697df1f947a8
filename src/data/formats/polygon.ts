/**
 * Polygons to pixels by the rule of the COCO API, so that masks and areas equal everybody else's. The
 * outline is walked on a grid five times as fine; wherever it crosses the middle of a pixel column, the first
 * pixel whose centre lies at or below the crossing is where inside and outside change places.
 */
import { PixelwiseError } from '../../errors/index.js';
import type { BinaryMask, RleSize } from './rle.js';

const FINENESS = 5;

/**
 * Sets to 1 what lies inside the polygon (even-odd rule within one polygon; earlier marks stay).
 * @param points x0, y0, x1, y1 … in pixels, (0, 0) being the outer corner of the first pixel.
 * Throws `polygon` for fewer than three points or coordinates that are no numbers.
 */
export function fillPolygon(points: readonly number[], { height, width }: RleSize, mask: BinaryMask): void {
  const corners = points.length / 2;
  if (!Number.isInteger(corners) || corners < 3 || !points.every(Number.isFinite)) {
    throw new PixelwiseError(
      'polygon',
      `A polygon of ${points.length} coordinates; three points or more are needed.`,
    );
  }
  // Column after column: `changes[x·height + y]` is 1 where inside and outside change places at pixel (x, y).
  const changes = new Uint8Array(width * height + 1);
  const fine = points.map((value) => Math.trunc(FINENESS * value + 0.5));
  // The last position of one edge and the first of the next are the same point, but the step between them
  // counts where rounding makes them differ; so the walk is one chain.
  let lastX: number | undefined;
  let lastY = 0;
  for (let corner = 0; corner < corners; corner++) {
    const [x0, y0] = [fine[2 * corner]!, fine[2 * corner + 1]!];
    const following = (corner + 1) % corners;
    const [x1, y1] = [fine[2 * following]!, fine[2 * following + 1]!];
    const [dx, dy] = [Math.abs(x1 - x0), Math.abs(y1 - y0)];
    const flat = dx >= dy;
    // Each edge is computed from its lower end, so that it is the same from both sides.
    const backwards = flat ? x0 > x1 : y0 > y1;
    const [startX, startY, endX, endY] = backwards ? [x1, y1, x0, y0] : [x0, y0, x1, y1];
    const steps = Math.max(dx, dy);
    const slope = steps === 0 ? 0 : flat ? (endY - startY) / dx : (endX - startX) / dy;
    for (let step = 0; step <= steps; step++) {
      const along = backwards ? steps - step : step;
      const x = flat ? startX + along : Math.trunc(startX + slope * along + 0.5);
      const y = flat ? Math.trunc(startY + slope * along + 0.5) : startY + along;
      if (lastX !== undefined && x !== lastX) {
        const column = ((x < lastX ? x : x - 1) + 0.5) / FINENESS - 0.5;
        if (Number.isInteger(column) && column >= 0 && column <= width - 1) {
          const crossing = (Math.min(y, lastY) + 0.5) / FINENESS - 0.5;
          const row = Math.ceil(Math.max(0, Math.min(height, crossing)));
          changes[column * height + row]! ^= 1;
        }
      }
      lastX = x;
      lastY = y;
    }
  }
  let inside = 0;
  for (let x = 0, i = 0; x < width; x++) {
    for (let y = 0; y < height; y++, i++) {
      inside ^= changes[i]!;
      if (inside === 1) mask[y * width + x] = 1;
    }
  }
}
