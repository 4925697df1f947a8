/**
 * The exact Euclidean distance transform of Felzenszwalb & Huttenlocher, "Distance transforms of sampled
 * functions" (Theory of Computing 8, 2012). It takes linear time, one dimension after the other.
 */
import { ShapeError, UsageError } from '../errors/index.js';

/** The distance between neighbouring pixels, for example in millimetres. Both are above 0. */
export interface Spacing {
  /** From one row to the next. */
  readonly y: number;
  /** From one column to the next. */
  readonly x: number;
}

/**
 * The squared distance from each pixel's centre to that of the nearest pixel that is not 0.
 *
 * @param mask H×W, row by row. @param spacing by default 1 by 1, which makes all values whole numbers.
 * @returns H×W squared distances; all Infinity if the mask is all 0.
 * @throws ShapeError if the mask does not have H×W pixels.
 * @throws UsageError if a spacing is not above 0.
 */
export function squaredDistanceTransform(
  mask: Uint8Array,
  height: number,
  width: number,
  { y: spacingY, x: spacingX }: Spacing = { y: 1, x: 1 },
): Float64Array {
  if (mask.length !== height * width) {
    throw new ShapeError(
      `squaredDistanceTransform: ${mask.length} pixels are not ${height}×${width}; pass height, then width.`,
    );
  }
  if (!(spacingY > 0 && spacingX > 0 && Number.isFinite(spacingY + spacingX))) {
    throw new UsageError(
      `squaredDistanceTransform: spacing must be two numbers in (0, Infinity), got ${spacingY} and ${spacingX}.`,
    );
  }
  const squared = downColumns(mask, height, width, spacingY);
  alongRows(squared, height, width, spacingX);
  return squared;
}

/** Squared distances within each column, from one scan down and one up. */
function downColumns(mask: Uint8Array, height: number, width: number, spacing: number): Float64Array {
  const steps = new Float64Array(height * width);
  for (let x = 0; x < width; x++) steps[x] = mask[x] !== 0 ? 0 : Infinity;
  for (let i = width; i < steps.length; i++) steps[i] = mask[i] !== 0 ? 0 : steps[i - width]! + 1;
  for (let i = steps.length - width - 1; i >= 0; i--) {
    steps[i] = Math.min(steps[i]!, steps[i + width]! + 1);
  }
  for (let i = 0; i < steps.length; i++) {
    const distance = steps[i]! * spacing;
    steps[i] = distance * distance;
  }
  return steps;
}

/**
 * min over q of (spacing · (x − q))² + f(q) for each row f, in place: the lower envelope of parabolas, each
 * rooted at a q (algorithm 1 of the paper).
 */
function alongRows(values: Float64Array, height: number, width: number, spacing: number): void {
  const scale = spacing * spacing;
  const row = new Float64Array(width);
  const roots = new Int32Array(width);
  // The position in the row from which each parabola is the lowest.
  const starts = new Float64Array(width + 1);
  for (let y = 0; y < height; y++) {
    const offset = y * width;
    row.set(values.subarray(offset, offset + width));
    let last = -1;
    for (let q = 0; q < width; q++) {
      const level = row[q]!;
      // A parabola at infinite height is never the lowest.
      if (level === Infinity) continue;
      let start = -Infinity;
      while (last >= 0) {
        const root = roots[last]!;
        start = (level - row[root]! + scale * (q * q - root * root)) / (2 * scale * (q - root));
        if (start > starts[last]!) break;
        start = -Infinity;
        last--;
      }
      last++;
      roots[last] = q;
      starts[last] = start;
    }
    if (last < 0) continue;
    let current = 0;
    for (let x = 0; x < width; x++) {
      while (current < last && starts[current + 1]! < x) current++;
      const root = roots[current]!;
      values[offset + x] = scale * (x - root) * (x - root) + row[root]!;
    }
  }
}
