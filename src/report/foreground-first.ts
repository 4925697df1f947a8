/** Chooses samples to represent a part of the data: spread over it, preferably with foreground. */
import type { Dataset } from '../data/dataset.js';
import { mapParallel } from '../data/parallel.js';
import { spreadOrder } from '../data/spread.js';
import { maskOf } from '../data/subset.js';
import { maskLook } from '../images/palette.js';
import { IGNORE_INDEX } from '../images/raster.js';

/** Maximum number of masks to read per requested sample, in case nearly all are withoutForeground. */
const MASKS_PER_SAMPLE = 20;
const CONCURRENCY = 8;

/**
 * Indices of at most `count` samples; deterministic. Samples with foreground come first; others are added only if
 * too few were found.
 *
 * @throws what the data set throws for a mask that cannot be read.
 */
export async function foregroundFirst(dataset: Dataset, count: number): Promise<number[]> {
  const { clear: background } = maskLook(dataset);
  const order = spreadOrder(dataset.length).slice(0, count * MASKS_PER_SAMPLE);
  const withForeground: number[] = [];
  const withoutForeground: number[] = [];
  for (let from = 0; from < order.length && withForeground.length < count; from += count) {
    const checked = order.slice(from, from + count);
    const hasForeground = await mapParallel(checked.length, CONCURRENCY, async (i) => {
      const { data } = await maskOf(dataset, checked[i]!);
      return data.some((value) => value !== background && value !== IGNORE_INDEX);
    });
    checked.forEach((index, i) => (hasForeground[i] ? withForeground : withoutForeground).push(index));
  }
  const inOrder = (indices: readonly number[]) => [...indices].sort((a, b) => a - b);
  const shown = withForeground.slice(0, count);
  return [...inOrder(shown), ...inOrder(withoutForeground.slice(0, count - shown.length))];
}
