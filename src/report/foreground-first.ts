/** Which samples stand for a part of the data: those that hold a foreground first, from all over it. */
import type { Dataset } from '../data/dataset.js';
import { mapParallel } from '../data/parallel.js';
import { spreadOrder } from '../data/spread.js';
import { maskOf } from '../data/subset.js';
import { backgroundClass } from '../images/palette.js';
import { IGNORE_INDEX } from '../images/raster.js';

/** Masks looked at for each sample that is wanted, at most: where nearly all are empty, the search must end. */
const SEARCHED = 20;
const AT_ONCE = 8;

/**
 * Positions of at most `count` samples; the same for the same data. Those with true pixels of another class
 * than the background stand first; others fill up where too few were found.
 *
 * @throws what the data set throws for a mask that cannot be read.
 */
export async function foregroundFirst(dataset: Dataset, count: number): Promise<number[]> {
  const background = backgroundClass(dataset.classes);
  const order = spreadOrder(dataset.length).slice(0, count * SEARCHED);
  const full: number[] = [];
  const empty: number[] = [];
  for (let from = 0; from < order.length && full.length < count; from += count) {
    const looked = order.slice(from, from + count);
    const holds = await mapParallel(looked.length, AT_ONCE, async (i) => {
      const { data } = await maskOf(dataset, looked[i]!);
      return data.some((value) => value !== background && value !== IGNORE_INDEX);
    });
    looked.forEach((index, i) => (holds[i] ? full : empty).push(index));
  }
  const inOrder = (indices: readonly number[]) => [...indices].sort((a, b) => a - b);
  const shown = full.slice(0, count);
  return [...inOrder(shown), ...inOrder(empty.slice(0, count - shown.length))];
}
