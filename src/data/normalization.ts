/**
 * From pixel values to what a network eats. The choice is a plain value: it is stored in a run's
 * configuration and written into the exported file.
 */
import { UsageError } from '../errors/index.js';
import type { Raster } from '../images/raster.js';

/**
 * Pixels are first scaled to 0…1: by `range` if there is one (see `stretchedImage`), else by dividing by the largest
 * value (255 or 65,535). Then
 * - `fixed`: (x − mean) / std by channel;
 * - `per-image`: (x − min) / (max − min) over all channels and pixels of one resized image, before
 *   augmentation (an image of one value becomes 0).
 */
export type Normalization = FixedNormalization | { readonly kind: 'per-image'; readonly name: 'per-image' };

export interface FixedNormalization {
  readonly kind: 'fixed';
  /** Where the numbers come from: `imagenet`, `dataset`, `percentiles`, `none`, or a custom name. */
  readonly name: string;
  /** By channel, in 0…1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** The part of the values that images use, where they leave most of it empty: 16-bit and floating-point ones. */
  readonly range?: ValueRange;
}

/** By channel, the values that become 0 and 1, as images store them. */
export interface ValueRange {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** Values beyond the range by more than its width are cut off: a hot pixel must not outshine an image. */
export const RANGE_MARGIN = 1;

/** The range of a normalisation that has one. */
export function rangeOf(normalization: Normalization | undefined): ValueRange | undefined {
  return normalization?.kind === 'fixed' ? normalization.range : undefined;
}

/** An image whose values are (x − low) / (high − low), cut off at −1 and 2: see {@link RANGE_MARGIN}. */
export function stretchedImage(image: Raster, { low, high }: ValueRange): Raster {
  const { width, height, channels, data } = image;
  const out = new Float32Array(data.length);
  for (let c = 0; c < channels; c++) {
    const gain = 1 / (high[c]! - low[c]!);
    const shift = -low[c]! * gain;
    for (let i = c; i < data.length; i += channels) {
      const value = data[i]! * gain + shift;
      out[i] = value < -RANGE_MARGIN ? -RANGE_MARGIN : value > 1 + RANGE_MARGIN ? 1 + RANGE_MARGIN : value;
    }
  }
  return { width, height, channels, data: out };
}

/** As published with torchvision's models: RGB in 0…1. */
export const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
export const IMAGENET_STD = [0.229, 0.224, 0.225] as const;

export type NormalizationName = 'imagenet' | 'per-image' | 'none';

/**
 * The named normalisation for images of `channels` channels. One channel takes the mean of ImageNet's
 * three. Throws UsageError for `imagenet` with other counts.
 */
export function normalizationOf(name: NormalizationName, channels: number): Normalization {
  return name === 'per-image' ? { kind: 'per-image', name } : fixedNormalization(name, channels);
}

function fixedNormalization(name: 'imagenet' | 'none', channels: number): FixedNormalization {
  if (name === 'none') {
    return {
      kind: 'fixed',
      name,
      mean: new Array<number>(channels).fill(0),
      std: new Array<number>(channels).fill(1),
    };
  }
  if (channels === 3) return { kind: 'fixed', name, mean: IMAGENET_MEAN, std: IMAGENET_STD };
  if (channels === 1) return { kind: 'fixed', name, mean: [0.449], std: [0.226] };
  throw new UsageError(
    `ImageNet's mean and deviation are for 1 or 3 channels, the images have ${channels}. ` +
      'Normalise by the data set, per image, or not at all.',
  );
}

/** The default: ImageNet's if it applies, else none. */
export function defaultNormalization(channels: number): FixedNormalization {
  return fixedNormalization(channels === 1 || channels === 3 ? 'imagenet' : 'none', channels);
}

/** Subtracts the least value and divides by the range, in place. */
export function stretchToRange(image: Float32Array): void {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < image.length; i++) {
    const value = image[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const gain = high > low ? 1 / (high - low) : 0;
  for (let i = 0; i < image.length; i++) image[i] = (image[i]! - low) * gain;
}

/** Writes (x − mean) / std of a C×H×W image of 0…1 to `out` from `at`. */
export function standardize(
  image: Float32Array,
  { mean, std }: { readonly mean: readonly number[]; readonly std: readonly number[] },
  out: Float32Array,
  at: number,
): void {
  const plane = image.length / mean.length;
  for (let c = 0; c < mean.length; c++) {
    const gain = 1 / std[c]!;
    const shift = -mean[c]! * gain;
    for (let i = c * plane, end = i + plane; i < end; i++) out[at + i] = image[i]! * gain + shift;
  }
}
