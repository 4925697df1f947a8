/** Reads a learning rate off the curve of a range test. */
import { PixelwiseError } from '../errors/index.js';
import { median } from './median.js';

/** One step of a range test. */
export interface LrPoint {
  readonly lr: number;
  /** Of the step's batches. */
  readonly loss: number;
  /** Exponential moving average of the losses so far, corrected for its start. */
  readonly smoothed: number;
}

/** The readings of one curve. */
export interface LrSuggestions {
  /** By which three quarters of the fall of the smoothed loss are done. */
  readonly threeQuarters: number;
  /** Where the smoothed loss falls fastest, per decade of the rate. */
  readonly steepest: number;
  /** In the middle of the longest fall, as fastai's `valley` has it (ESRI's method). */
  readonly valley: number;
  /** A tenth of the rate with the least loss (Howard). */
  readonly minimum: number;
}

/** Points that are needed to read anything off a curve. */
const LEAST_POINTS = 8;
/** Weight of the next batch on either side, against that of the batch itself, where a curve is smoothed. */
const NEIGHBOUR = 0.8;
/**
 * Share of the fall that is done at {@link LrSuggestions.threeQuarters}: halfway from the middle of a fall, where
 * a single one is steepest, to its end. A share rests on all losses, a slope on a dozen of them: where batch norm
 * keeps the loss falling slowly up to the largest rates, the steepest place is chance, and where the first, steep
 * fall is that of the bare shares of the classes, it comes too early.
 */
const SHARE = 0.75;

/**
 * The losses smoothed without delay: the mean of all batches, each counting `neighbour`^(its distance in
 * steps), so that the ends are no more biased than the middle. A moving average looks back only, and shows a
 * fall about as many steps late as it remembers: at 0.9 and 100 steps over six decades, a factor 3 to 4 in
 * the rate. What lies far above the start says no more than that the loss ran away, and is cut off.
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
 * Suggestions from the points of a range test, evenly spaced in the logarithm of the rate. The first tenth
 * is not looked at: there the mean rests on fewer batches.
 *
 * @param neighbour see {@link lossCurve}; 0 takes the losses as they are.
 * @throws PixelwiseError where there are too few points, or the loss only ever rose.
 */
export function suggestLr(points: readonly LrPoint[], neighbour = NEIGHBOUR): LrSuggestions {
  const skipped = Math.floor(points.length / 10);
  const curve = points.slice(skipped);
  if (curve.length < LEAST_POINTS) {
    throw new PixelwiseError(
      'lr-find',
      `the loss diverged after ${points.length} steps, too few to read a learning rate off them: start the test at a lower rate than ${points[0]?.lr ?? 0}, or with more steps`,
    );
  }
  const losses = lossCurve(points, neighbour).slice(skipped);
  const fall = longestFall(losses);
  if (fall.end === fall.start) {
    throw new PixelwiseError(
      'lr-find',
      `the loss never fell between learning rates of ${curve[0]!.lr} and ${curve.at(-1)!.lr}: start the test at a lower rate, and look at the data (\`pixelwise doctor\`)`,
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

/** Differences over a twelfth of the curve around each point, so that single batches do not decide. */
function slopes(values: readonly number[]): number[] {
  const reach = Math.ceil(values.length / 24);
  return values.map((_, i) => {
    const [from, to] = [Math.max(0, i - reach), Math.min(values.length - 1, i + reach)];
    return (values[to]! - values[from]!) / (to - from);
  });
}

/** Where the values first lie that share of the way down, from the highest before the least to the least. */
function indexOfShare(values: readonly number[], share: number): number {
  const least = indexOfLeast(values);
  const highest = Math.max(...values.slice(0, least + 1));
  const level = highest - share * (highest - values[least]!);
  return values.findIndex((value) => value <= level);
}

function indexOfLeast(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value < values[best]! ? i : best), 0);
}

/** The span of the longest strictly falling subsequence, from its first point to its last. */
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
