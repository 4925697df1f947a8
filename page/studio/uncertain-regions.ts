/** Where a prediction is least certain. */
import { IGNORE_INDEX } from '../../src/labels/ignore-index.js';
import type { Box, LabelPlane } from './label-plane.js';
import type { Plane } from './rasters.js';

/** Blocks along the longer side of the image. */
const BLOCKS = 24;
const SMALLEST_BLOCK = 16;
/** Pixels of a block that are looked at, along each side. */
const SAMPLES = 16;
/** Mean uncertainty, of 255, below which a block is not worth a look. */
const WORTH = 24;

/**
 * The block of the image with the highest mean uncertainty of its unlabelled pixels, blocks in `seen` apart, whose
 * numbers it adds. Undefined if none is worth a look.
 */
export function* nextUncertain(
  uncertainty: Plane,
  labels: LabelPlane,
  seen: Set<number>,
): Generator<void, Box | undefined> {
  const { width, height, data } = uncertainty;
  const side = Math.max(SMALLEST_BLOCK, Math.ceil(Math.max(width, height) / BLOCKS));
  const step = Math.max(1, Math.floor(side / SAMPLES));
  const columns = Math.ceil(width / side);
  let best: { number: number; mean: number } | undefined;
  for (let number = 0; number < columns * Math.ceil(height / side); number++) {
    if (number % columns === 0) yield;
    if (seen.has(number)) continue;
    const [left, top] = [(number % columns) * side, Math.floor(number / columns) * side];
    let sum = 0;
    let looked = 0;
    for (let y = top; y < Math.min(height, top + side); y += step) {
      for (let x = left; x < Math.min(width, left + side); x += step) {
        looked++;
        // Labelled pixels count as certain.
        if (labels.get(x, y) === IGNORE_INDEX) sum += data[y * width + x]!;
      }
    }
    if (sum / looked >= WORTH && (best === undefined || sum / looked > best.mean)) {
      best = { number, mean: sum / looked };
    }
  }
  if (!best) return undefined;
  seen.add(best.number);
  const [left, top] = [(best.number % columns) * side, Math.floor(best.number / columns) * side];
  return { left, top, right: Math.min(width, left + side), bottom: Math.min(height, top + side) };
}
