/** Fills the connected region of equal labels around a pixel. */
import type { LabelPlane } from './label-plane.js';

/** Rows of the region between two pauses. */
const ROWS_PER_STEP = 256;

/**
 * Paints the region of the label at (x, y) whose pixels touch at their sides. Pauses from time to time, so that the
 * caller can let the page do other things. An edit must be in progress.
 */
export function* floodFill(plane: LabelPlane, x: number, y: number, label: number): Generator<void, void> {
  const replaced = plane.get(x, y);
  if (replaced === label) return;
  const { width, height } = plane;
  // Pixels from which runs to the left and right are filled, x and y in turn.
  const seeds = [x, y];
  let rows = 0;
  while (seeds.length > 0) {
    const row = seeds.pop()!;
    const seed = seeds.pop()!;
    if (plane.get(seed, row) !== replaced) continue;
    let start = seed;
    while (start > 0 && plane.get(start - 1, row) === replaced) start--;
    let end = seed + 1;
    while (end < width && plane.get(end, row) === replaced) end++;
    plane.fillRun(row, start, end, label);
    for (const next of [row - 1, row + 1]) {
      if (next < 0 || next >= height) continue;
      // One seed for each run of the region in the next row.
      for (let i = start, inside = false; i < end; i++) {
        const belongs = plane.get(i, next) === replaced;
        if (belongs && !inside) seeds.push(i, next);
        inside = belongs;
      }
    }
    if (++rows % ROWS_PER_STEP === 0) yield;
  }
}
