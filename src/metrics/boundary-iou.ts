/**
 * Boundary IoU (Cheng et al., "Boundary IoU: improving object-centric image segmentation evaluation",
 * CVPR 2021): the IoU of the rims of two masks, which judges large objects by their outlines, too. The rim is
 * what an erosion by a (2d + 1)² square removes from the mask. The image's border counts as outside.
 */
import { UsageError } from '../errors/index.js';
import { maskPair } from './class-mask.js';
import type { OutlineOptions } from './class-mask.js';

/** Pixels of the two rims. Counts of several images or classes can be added. */
export interface BoundaryCounts {
  readonly intersection: number;
  readonly union: number;
}

/**
 * Counts the rims of one class.
 *
 * @param prediction H×W class indices. @param target H×W true class indices.
 * @param options what to compare; `dilationRatio` is the rim's width d as a share of the image's diagonal
 *   (0.02 by default, and at least one pixel).
 * @throws ShapeError if a mask does not have H×W pixels.
 * @throws UsageError unless `dilationRatio` is in (0, 1].
 */
export function boundaryCounts(
  prediction: Uint8Array,
  target: Uint8Array,
  options: OutlineOptions & { readonly dilationRatio?: number },
): BoundaryCounts {
  const { height, width, dilationRatio = 0.02 } = options;
  if (!(dilationRatio > 0 && dilationRatio <= 1)) {
    throw new UsageError(`boundaryCounts: dilationRatio must be in (0, 1], got ${dilationRatio}.`);
  }
  const distance = Math.max(1, Math.round(dilationRatio * Math.hypot(height, width)));
  const { predicted, truth } = maskPair(prediction, target, options);
  const predictedRim = rim(predicted, height, width, distance);
  const trueRim = rim(truth, height, width, distance);
  let intersection = 0;
  let union = 0;
  for (let i = 0; i < trueRim.length; i++) {
    intersection += predictedRim[i]! & trueRim[i]!;
    union += predictedRim[i]! | trueRim[i]!;
  }
  return { intersection, union };
}

/** The IoU of the rims, in [0, 1]; null if neither mask has a pixel. */
export function boundaryIoU({ intersection, union }: BoundaryCounts): number | null {
  return union === 0 ? null : intersection / union;
}

/** The pixels that erosion by a square removes. It erodes the rows, then the columns of the result. */
function rim(mask: Uint8Array, height: number, width: number, distance: number): Uint8Array {
  const eroded = Uint8Array.from(mask);
  for (let y = 0; y < height; y++) shortenRuns(eroded, y * width, 1, width, distance);
  for (let x = 0; x < width; x++) shortenRuns(eroded, x, width, height, distance);
  return eroded.map((kept, i) => mask[i]! - kept);
}

/** Removes `distance` pixels from both ends of each run of ones in a line of pixels. */
function shortenRuns(mask: Uint8Array, from: number, stride: number, length: number, distance: number): void {
  let start = 0;
  for (let end = 0; end <= length; end++) {
    if (end < length && mask[from + end * stride] === 1) continue;
    const headEnd = Math.min(start + distance, end);
    const tailStart = Math.max(end - distance, start);
    for (let i = start; i < headEnd; i++) mask[from + i * stride] = 0;
    for (let i = tailStart; i < end; i++) mask[from + i * stride] = 0;
    start = end + 1;
  }
}
