/**
 * The part of their values that images use: 16-bit files of a microscope or a scanner often hold 8 or 12 bits, or a few
 * hundred counts, and floating-point ones are in units of their own.
 */
import type { Raster } from '../images/raster.js';
import type { Dataset } from './dataset.js';
import { defaultNormalization, type Normalization, type ValueRange } from './normalization.js';
import { mapParallel } from './parallel.js';
import { spread } from './spread.js';

/** Shares of the values that may lie below and above the range: hot and dead pixels. */
const LOW_SHARE = 0.001;
const HIGH_SHARE = 0.999;

/** Number of images examined. */
const IMAGES = 100;
/** Number of values sampled from each channel, and from all channels together. */
const CHANNEL_VALUES = 500_000;
const ALL_VALUES = 10_000_000;

/** Number of values sampled from one image. */
const IMAGE_VALUES = 50_000;

/** If the range of every channel is at least this fraction of the common range, all use it, which keeps colours. */
const ALIKE = 0.5;

/** The range of one image from its 0.1st to its 99.9th percentile. */
export function valueRangeOf({ data }: Raster): { readonly low: number; readonly high: number } {
  const count = Math.min(data.length, IMAGE_VALUES);
  const values = Float32Array.from(
    { length: count },
    (_, i) => data[Math.floor(((i + 0.5) * data.length) / count)]!,
  );
  values.sort();
  const at = (share: number): number => values[Math.min(count - 1, Math.floor(share * count))]!;
  return { low: at(LOW_SHARE), high: at(HIGH_SHARE) };
}

/** The range from the 0.1st to the 99.9th percentile, by channel, or common to all channels if theirs are similar. */
export async function findValueRange(dataset: Dataset, signal?: AbortSignal): Promise<ValueRange> {
  const { channels } = dataset;
  const looked = spread(dataset.length, IMAGES);
  const each = Math.max(1, Math.floor(Math.min(CHANNEL_VALUES, ALL_VALUES / channels) / looked.length));
  const taken = await mapParallel(
    looked.length,
    4,
    async (k) => {
      const { data } = (await dataset.get(looked[k]!)).image;
      const pixels = data.length / channels;
      const count = Math.min(pixels, each);
      const values = Array.from({ length: channels }, () => new Float32Array(count));
      for (let i = 0; i < count; i++) {
        const at = Math.floor(((i + 0.5) * pixels) / count) * channels;
        for (let c = 0; c < channels; c++) values[c]![i] = data[at + c]!;
      }
      return values;
    },
    signal,
  );
  const ends = Array.from({ length: channels }, (_, c) => {
    const all = Float32Array.from(taken.flatMap((values) => [...values[c]!])).sort();
    const at = (share: number): number => all[Math.min(all.length - 1, Math.floor(share * all.length))]!;
    return [at(LOW_SHARE), at(HIGH_SHARE)] as const;
  });
  const least = Math.min(...ends.map(([low]) => low));
  const most = Math.max(...ends.map(([, high]) => high));
  const alike = ends.every(([low, high]) => high - low >= ALIKE * (most - least));
  const ranges = alike ? ends.map(() => [least, most] as const) : ends;
  // A constant channel has no range; any width will do.
  return {
    low: ranges.map(([low]) => low),
    high: ranges.map(([low, high]) => (high > low ? high : low + 1)),
  };
}

/**
 * Scales values to 0…1 by {@link findValueRange}, then normalises like 8-bit images. This is the default for images of
 * more than 8 bits. Pass the training part, not the whole data set.
 */
export async function percentileNormalization(
  dataset: Dataset,
  signal?: AbortSignal,
): Promise<Normalization> {
  const { mean, std } = defaultNormalization(dataset.channels);
  return { kind: 'fixed', name: 'percentiles', mean, std, range: await findValueRange(dataset, signal) };
}
