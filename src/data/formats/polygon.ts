/**
 * Rasterises polygons as the COCO API does, so that masks and areas equal those of other programs. The outline is drawn
 * on a grid that is five times as fine. Where it crosses the middle of a pixel column, inside and outside change at the
 * first pixel whose centre is at or below the crossing.
 *
 * Only columns that an edge crosses inside the image are computed, so the time depends on the drawn area, not on the
 * size of the image or the distance of points outside of it.
 */
import { PixelwiseError } from '../../errors/index.js';
import type { EmitRun, RleSize } from './rle.js';

const FINENESS = 5;
/** The farthest coordinate. Beyond it the fine grid's positions and their sums would not be exact, and halving would not end. */
const FARTHEST = 2 ** 48;
/** An edge crosses the middle of column c between these two positions of the fine grid: 5c + 2 and 5c + 3. */
const BEFORE_MIDDLE = 2;

/**
 * Emits the pixels inside of rings as runs down the columns, by the even-odd rule over all rings together (a ring
 * within another is a hole). A ring is x0, y0, x1, y1 … in pixels, (0, 0) being the outer corner of the first pixel.
 * Throws `polygon` for fewer than three points or coordinates that are not numbers or beyond ±2⁴⁸.
 */
export function polygonRuns(rings: readonly (readonly number[])[], size: RleSize, emit: EmitRun): void {
  const changes: number[] = [];
  for (const ring of rings) addChanges(ring, size, changes);
  const sorted = Float64Array.from(changes).sort();
  const stride = size.height + 1;
  for (let i = 0; i + 1 < sorted.length;) {
    const column = Math.floor(sorted[i]! / stride);
    const top = sorted[i]! - column * stride;
    const bottom = sorted[i + 1]! - column * stride;
    // Changes of a column come in pairs; were one alone, the next would belong to another column.
    if (bottom > size.height) {
      i += 1;
      continue;
    }
    if (bottom > top) emit(column, top, bottom);
    i += 2;
  }
}

/** Adds column · (height + 1) + row for every place where inside and outside change. */
function addChanges(points: readonly number[], { height, width }: RleSize, changes: number[]): void {
  const corners = points.length / 2;
  if (!Number.isInteger(corners) || corners < 3 || !points.every(Number.isFinite)) {
    throw new PixelwiseError(
      'polygon',
      `A polygon of ${points.length} coordinates; three points or more are needed.`,
    );
  }
  const far = points.find((value) => Math.abs(value) > FARTHEST);
  if (far !== undefined) {
    throw new PixelwiseError(
      'polygon',
      `A polygon has the coordinate ${far}, which is not a position in an image.`,
    );
  }
  const fine = (value: number): number => Math.trunc(FINENESS * value + 0.5);
  const add = (column: number, y: number): void => {
    const crossing = (y + 0.5) / FINENESS - 0.5;
    changes.push(column * (height + 1) + Math.ceil(Math.max(0, Math.min(height, crossing))));
  };
  for (let corner = 0; corner < corners; corner++) {
    const following = (corner + 1) % corners;
    const [x0, y0] = [fine(points[2 * corner]!), fine(points[2 * corner + 1]!)];
    const [x1, y1] = [fine(points[2 * following]!), fine(points[2 * following + 1]!)];
    if (x0 === x1) continue;
    const flat = Math.abs(x1 - x0) >= Math.abs(y1 - y0);
    // Each edge is computed from its lower end, so that it is the same from both sides.
    const backwards = flat ? x0 > x1 : y0 > y1;
    const [startX, startY, endX, endY] = backwards ? [x1, y1, x0, y0] : [x0, y0, x1, y1];
    const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
    const first = Math.max(0, Math.ceil((left - BEFORE_MIDDLE) / FINENESS));
    const last = Math.min(width - 1, Math.floor((right - BEFORE_MIDDLE - 1) / FINENESS));
    if (flat) {
      const slope = (endY - startY) / (endX - startX);
      const at = (x: number): number => Math.trunc(startY + slope * (x - startX) + 0.5);
      for (let column = first; column <= last; column++) {
        const x = FINENESS * column + BEFORE_MIDDLE;
        add(column, Math.min(at(x), at(x + 1)));
      }
    } else {
      const slope = (endX - startX) / (endY - startY);
      const at = (y: number): number => Math.trunc(startX + slope * (y - startY) + 0.5);
      for (let column = first; column <= last; column++) {
        const y = lastBefore(FINENESS * column + BEFORE_MIDDLE, slope > 0, at, startY, endY);
        if (y !== undefined) add(column, y);
      }
    }
  }
}

/** The last y of a steep edge from `from` to `to` before it crosses from one side of `x` + ½ to the other. */
function lastBefore(
  x: number,
  rising: boolean,
  at: (y: number) => number,
  from: number,
  to: number,
): number | undefined {
  const crossed = (y: number): boolean => (rising ? at(y) > x : at(y) <= x);
  if (crossed(from) || !crossed(to)) return undefined;
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (crossed(middle)) high = middle;
    else low = middle;
  }
  return low;
}
