/** How finely masks are drawn: what shrinking would lose, and how wide objects are. */
import { IGNORE_INDEX, type ClassMask } from '../images/raster.js';
import type { ObjectMask, ValueMask } from '../objects/index.js';

/**
 * The mean IoU that perfect predictions at another size would have at the size of the masks: each pixel of the smaller
 * size has one class, the most frequent of those that it covers. 1 if nothing is lost.
 *
 * @param scale the smaller size as a share of the masks' size, above 0.
 */
export function meanIouAfterShrinking(masks: readonly ClassMask[], classes: number, scale: number): number {
  const both = new Float64Array(classes);
  const either = new Float64Array(classes);
  for (const { width, height, data } of masks) {
    const columns = Math.max(1, Math.round(width * scale));
    const rows = Math.max(1, Math.round(height * scale));
    const column = Uint32Array.from({ length: width }, (_, x) => Math.floor(((x + 0.5) * columns) / width));
    const counts = new Uint32Array(columns * classes);
    const totals = new Float64Array(classes);
    for (let row = 0, y = 0; row < rows; row++) {
      counts.fill(0);
      for (; y < height && Math.floor(((y + 0.5) * rows) / height) === row; y++) {
        for (let x = 0; x < width; x++) {
          const value = data[y * width + x]!;
          if (value >= classes) continue;
          counts[column[x]! * classes + value]!++;
          totals[value]!++;
        }
      }
      for (let at = 0; at < counts.length; at += classes) {
        let best = 0;
        let covered = 0;
        for (let k = 0; k < classes; k++) {
          covered += counts[at + k]!;
          if (counts[at + k]! > counts[at + best]!) best = k;
        }
        both[best]! += counts[at + best]!;
        either[best]! += covered - counts[at + best]!;
      }
    }
    totals.forEach((count, k) => (either[k]! += count));
  }
  const scores = [...both].flatMap((count, k) => (either[k]! > 0 ? [count / either[k]!] : []));
  return scores.length === 0 ? 1 : scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/**
 * The mean width of objects in pixels: the mean length of the runs of pixels of one class along rows and columns,
 * without the class that fills most of the mask. Undefined for a mask of one class.
 */
export function objectWidth(mask: ClassMask): number | undefined {
  const counts = new Uint32Array(256);
  for (const value of mask.data) counts[value]!++;
  counts[IGNORE_INDEX] = 0;
  return widthOfRuns(mask, counts.indexOf(Math.max(...counts)));
}

/** The same for objects that the mask tells apart, without the background. */
export const numberedObjectWidth = (mask: ObjectMask): number | undefined => widthOfRuns(mask, 0);

/** The mean length of the runs of pixels of one value along rows and columns, without `main` and ignored pixels. */
function widthOfRuns({ width, height, data }: ValueMask, main: number): number | undefined {
  let runs = 0;
  let pixels = 0;
  const along = (length: number, lines: number, step: number, stride: number) => {
    for (let line = 0; line < lines; line++) {
      let before = -1;
      for (let i = 0; i < length; i++) {
        const value = data[line * stride + i * step]!;
        if (value !== main && value !== IGNORE_INDEX) {
          pixels++;
          if (value !== before) runs++;
        }
        before = value;
      }
    }
  };
  along(width, height, 1, width);
  along(height, width, width, 1);
  return runs === 0 ? undefined : pixels / runs;
}
