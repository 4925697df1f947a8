/**
 * Distances between the outlines of a predicted and a true mask: Hausdorff distance and mean surface distance,
 * from exact distance transforms. As in MONAI, the outline consists of the mask's pixels that share an edge with
 * the outside (the image's border counts as outside), and distances are between pixel centres.
 */
import { UsageError } from '../errors/index.js';
import { maskPair } from './class-mask.js';
import type { OutlineOptions } from './class-mask.js';
import { squaredDistanceTransform } from './distance-transform.js';
import type { Spacing } from './distance-transform.js';

export interface SurfaceDistances {
  /** For each outline pixel of the prediction, the distance to the nearest one of the truth; ascending. */
  readonly fromPrediction: Float64Array;
  /** For each outline pixel of the truth, the distance to the nearest one of the prediction; ascending. */
  readonly fromTarget: Float64Array;
}

/**
 * The distances between the outlines of one class. If one mask is empty, the distances from the other are
 * infinite.
 *
 * @param prediction H×W class indices. @param target H×W true class indices.
 * @param options the class; `spacing` is the distance between neighbouring pixels, by default 1.
 * @throws ShapeError if a mask does not have H×W pixels.
 */
export function surfaceDistances(
  prediction: Uint8Array,
  target: Uint8Array,
  options: OutlineOptions & { readonly spacing?: Spacing },
): SurfaceDistances {
  const { height, width, spacing } = options;
  const { predicted, truth } = maskPair(prediction, target, options);
  const predictedOutline = outline(predicted, height, width);
  const trueOutline = outline(truth, height, width);
  const between = (from: Uint8Array, to: Uint8Array) =>
    squaredDistanceTransform(to, height, width, spacing)
      .filter((_, i) => from[i] === 1)
      .map(Math.sqrt)
      .sort();
  return {
    fromPrediction: between(predictedOutline, trueOutline),
    fromTarget: between(trueOutline, predictedOutline),
  };
}

/** The mask's pixels that share an edge with the outside. */
function outline(mask: Uint8Array, height: number, width: number): Uint8Array {
  const edge = new Uint8Array(mask.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (mask[i] === 0) continue;
      const inside =
        y > 0 &&
        y < height - 1 &&
        x > 0 &&
        x < width - 1 &&
        (mask[i - width]! & mask[i + width]! & mask[i - 1]! & mask[i + 1]!) === 1;
      if (!inside) edge[i] = 1;
    }
  }
  return edge;
}

/** The `percent`-th percentile of ascending values, interpolated linearly between ranks. */
function percentile(ascending: Float64Array, percent: number): number {
  const rank = ((ascending.length - 1) * percent) / 100;
  const below = ascending[Math.floor(rank)]!;
  const above = ascending[Math.ceil(rank)]!;
  return below === above ? below : below + (above - below) * (rank - Math.floor(rank));
}

/**
 * The Hausdorff distance at a percentile: the larger of the two directed distances (Huttenlocher et al.,
 * "Comparing images using the Hausdorff distance", PAMI 1993). 95 leaves out the worst 5% of each outline; 100
 * is the plain Hausdorff distance.
 *
 * @returns a distance in the units of the spacing; Infinity if only one mask is empty, so that a missed object
 *   cannot improve a mean; null if both are.
 * @throws UsageError unless `percent` is in [0, 100].
 */
export function hausdorffDistance(
  { fromPrediction, fromTarget }: SurfaceDistances,
  percent = 95,
): number | null {
  if (!(percent >= 0 && percent <= 100)) {
    throw new UsageError(`hausdorffDistance: percent must be in [0, 100], got ${percent}.`);
  }
  if (fromPrediction.length === 0 && fromTarget.length === 0) return null;
  if (fromPrediction.length === 0 || fromTarget.length === 0) return Infinity;
  return Math.max(percentile(fromPrediction, percent), percentile(fromTarget, percent));
}

/**
 * The mean distance over the pixels of both outlines (average symmetric surface distance).
 *
 * @returns a distance in the units of the spacing; Infinity if only one mask is empty; null if both are.
 */
export function meanSurfaceDistance({ fromPrediction, fromTarget }: SurfaceDistances): number | null {
  const pixels = fromPrediction.length + fromTarget.length;
  if (pixels === 0) return null;
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  return (sum(fromPrediction) + sum(fromTarget)) / pixels;
}
