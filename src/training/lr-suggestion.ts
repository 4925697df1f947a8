/** Suggests learning rates from the curve of a range test. */
import { PixelwiseError } from '../errors/index.js';
import { median } from './median.js';

/** One step of a range test. */
export interface LrPoint {
  readonly lr: number;
  /** Mean over the step's batches. */
  readonly loss: number;
  /** Exponential moving average of the losses so far, with bias correction. */
  readonly smoothed: number;
}

/** Learning rates suggested by different rules. */
export interface LrSuggestions {
  /** The rate at which the smoothed loss has fallen by three quarters of its total fall. */
  readonly threeQuarters: number;
  /** The rate at which the smoothed loss falls fastest, per decade of the rate. */
  readonly steepest: number;
  /** The middle of the longest fall, like fastai's `valley` (ESRI's method). */
  readonly valley: number;
  /** A tenth of the rate with the lowest loss (Howard). */
  readonly minimum: number;
}

/** Minimum number of points of a curve. */
const LEAST_POINTS = 8;
/** Smoothing weight of the adjacent batches, relative to the batch itself. */
const NEIGHBOUR = 0.8;
/**
 * Share of the fall for {@link LrSuggestions.threeQuarters}: halfway between the middle of a fall, where it is usually
 * steepest, and its end. A share is more robust than the steepest slope, which depends on a dozen losses. With batch
 * norm the loss falls slowly up to the largest rates, and the steepest point is random. If the model first learns the
 * class frequencies, the steepest point is too early.
 */
const SHARE = 0.75;

/**
 * Smooths the losses without delay: each value is the mean of all losses, weighted by `neighbour`^(distance in steps).
 * A causal moving average would show a fall about 1 ÷ (1 − β) steps late: for β = 0.9 and 100 steps over six decades,
 * a factor of 3 to 4 in the rate. Losses far above the first ones are clipped, because they only show divergence.
 */
export function lossCurve(points: readonly LrPoint[], neighbour = NEIGHBOUR): number[] {
  const losses = points.map(({ loss }) => loss);
  const start = median(losses.slice(0, Math.max(3, Math.ceil(losses.length / 10))));
  const ceiling = start + Math.max(0, start - Math.min(...losses)) / 2;
  return losses.map((_, i) => {
    let sum = 0;
    let weights = 0;
    losses.forEach((loss, j) => {
      const weight = neighbour ** Math.abs(i - j);
      sum += weight * Math.min(loss, ceiling);
      weights += weight;
    });
    return sum / weights;
  });
}

/**
 * Suggests learning rates from the points of a range test, evenly spaced in the logarithm of the rate. The first tenth
 * is ignored, because its smoothed losses average fewer batches.
 *
 * @param neighbour see {@link lossCurve}; 0 disables smoothing.
 * @throws PixelwiseError if there are too few points, or if the loss never fell.
 */
export function suggestLr(points: readonly LrPoint[], neighbour = NEIGHBOUR): LrSuggestions {
  const skipped = Math.floor(points.length / 10);
  const curve = points.slice(skipped);
  if (curve.length < LEAST_POINTS) {
    throw new PixelwiseError(
      'lr-find',
      `the loss diverged after ${points.length} steps, too few to suggest a learning rate: start the test at a lower rate than ${points[0]?.lr ?? 0}, or with more steps`,
    );
  }
  const losses = lossCurve(points, neighbour).slice(skipped);
  const fall = longestFall(losses);
  if (fall.end === fall.start) {
    throw new PixelwiseError(
      'lr-find',
      `the loss never fell between learning rates of ${curve[0]!.lr} and ${curve.at(-1)!.lr}: start the test at a lower rate, and check the data (\`pixelwise doctor\`)`,
    );
  }
  const third = (fall.end - fall.start) / 3;
  const rate = (i: number) => curve[i]!.lr;
  return {
    threeQuarters: rate(indexOfShare(losses, SHARE)),
    steepest: rate(indexOfLeast(slopes(losses))),
    valley: rate(fall.start + Math.floor(third) + Math.floor(third / 2)),
    minimum: rate(indexOfLeast(losses)) / 10,
  };
}

/** Differences over a twelfth of the curve around each point, which reduces the noise of single batches. */
function slopes(values: readonly number[]): number[] {
  const reach = Math.ceil(values.length / 24);
  return values.map((_, i) => {
    const [from, to] = [Math.max(0, i - reach), Math.min(values.length - 1, i + reach)];
    return (values[to]! - values[from]!) / (to - from);
  });
}

/** The first index at which the values have fallen by `share` from the maximum before the minimum to the minimum. */
function indexOfShare(values: readonly number[], share: number): number {
  const least = indexOfLeast(values);
  const highest = Math.max(...values.slice(0, least + 1));
  const level = highest - share * (highest - values[least]!);
  return values.findIndex((value) => value <= level);
}

function indexOfLeast(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value < values[best]! ? i : best), 0);
}

/** First and last index of the longest strictly decreasing subsequence. */
function longestFall(values: readonly number[]): { start: number; end: number } {
  const length = new Array<number>(values.length).fill(1);
  const start = values.map((_, i) => i);
  let end = 0;
  for (let i = 1; i < values.length; i++) {
    for (let j = 0; j < i; j++) {
      if (values[i]! < values[j]! && length[i]! < length[j]! + 1) {
        length[i] = length[j]! + 1;
        start[i] = start[j]!;
      }
    }
    if (length[i]! > length[end]!) end = i;
  }
  return { start: start[end]!, end };
}
