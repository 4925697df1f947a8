/** Chooses how pixel values are normalised, from the values that images use. Pure; `data-facts.ts` measures them. */
import type { TrainSettings } from './train-options.js';

/** Number, sum and sum of squares of some pixels' values. */
export interface Moments {
  readonly count: number;
  readonly sum: number;
  readonly squares: number;
}

/** The values of a few training images. */
export interface ValueFacts {
  /** Largest value that the files can hold: 255, 65,535, or 1 for numbers without a limit. */
  readonly maxValue: number;
  readonly images: readonly ImageValues[];
}

export interface ImageValues {
  /** Darkest and brightest value, without the darkest and the brightest thousandth. */
  readonly low: number;
  readonly high: number;
  /** By class, of the values of its pixels. */
  readonly classes: readonly Moments[];
}

/** Images of 8 bits that use less than this share of the values are stretched. */
const NARROW = 0.5;
/** Each image is normalised by itself if its values then tell this many times as much about the classes. */
const BETTER_APART = 2;

/** The `--normalize` that suits the images, and why; undefined for the default. @param whole not patches. */
export function suitableNormalization(
  { maxValue, images }: ValueFacts,
  whole: boolean,
): { readonly normalize: TrainSettings['normalize']; readonly reason: string } | undefined {
  if (images.length === 0) return undefined;
  const low = Math.min(...images.map((image) => image.low));
  const high = Math.max(...images.map((image) => image.high));
  const [together, apart] = [explained(images), explained(images.map(stretched))];
  if (whole && apart >= BETTER_APART * together && apart > 0.1) {
    const percent = (share: number) => `${Math.round(100 * share)} %`;
    return {
      normalize: 'min-max',
      reason: `exposures differ: the classes explain ${percent(apart)} of the variance of values if each image is normalised by itself, else ${percent(together)}`,
    };
  }
  const used = `images use values from ${rounded(low)} to ${rounded(high)}`;
  if (maxValue !== 255) return { normalize: 'percentiles', reason: used };
  if (high - low >= NARROW * maxValue) return undefined;
  return { normalize: 'percentiles', reason: `${used} of 255` };
}

/** The share of the variance of values that is between the classes, over all images. */
function explained(images: readonly ImageValues[]): number {
  const classes = (images[0]?.classes ?? []).map((_, k) => total(images.map((image) => image.classes[k]!)));
  const all = total(classes);
  if (all.count === 0) return 0;
  const mean = all.sum / all.count;
  const between = classes.reduce(
    (sum, { count, sum: values }) => sum + (count > 0 ? count * (values / count - mean) ** 2 : 0),
    0,
  );
  const whole = all.squares - all.count * mean ** 2;
  return whole > 0 ? between / whole : 0;
}

/** The values (x − low) / (high − low). */
function stretched({ low, high, classes }: ImageValues): ImageValues {
  const gain = high > low ? 1 / (high - low) : 0;
  const moved = classes.map(({ count, sum, squares }) => ({
    count,
    sum: gain * (sum - count * low),
    squares: gain ** 2 * (squares - 2 * low * sum + count * low ** 2),
  }));
  return { low: 0, high: 1, classes: moved };
}

function total(moments: readonly Moments[]): Moments {
  return moments.reduce(
    (a, b) => ({ count: a.count + b.count, sum: a.sum + b.sum, squares: a.squares + b.squares }),
    { count: 0, sum: 0, squares: 0 },
  );
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
