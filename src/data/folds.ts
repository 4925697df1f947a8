/** The folds of a cross-validation. */
import { PixelwiseError, UsageError } from '../errors/index.js';
import { Random } from '../random/index.js';
import type { Dataset } from './dataset.js';
import { byCodePoint } from './files.js';

/**
 * Divides samples into `count` folds of about the same size, by group (patient, car) where there are groups: large
 * groups first, each into the fold that has the fewest samples. The same seed gives the same folds.
 *
 * @returns the ids of each fold, in the order of the data set.
 * @throws PixelwiseError `split` if there are fewer groups (or samples) than folds.
 */
export function foldsOf(
  { ids, groups }: Pick<Dataset, 'ids' | 'groups'>,
  count: number,
  seed: number,
): string[][] {
  if (!Number.isInteger(count) || count < 2) {
    throw new UsageError(`A cross-validation has 2 folds or more, not ${count}.`);
  }
  const members = new Map<string, number[]>();
  ids.forEach((id, i) => {
    const key = groups?.[i] ?? id;
    members.set(key, [...(members.get(key) ?? []), i]);
  });
  if (members.size < count) {
    throw new PixelwiseError(
      'split',
      `There are ${members.size} ${groups ? 'groups' : 'samples'} for ${count} folds. Give fewer folds, or another grouping.`,
    );
  }
  const keys = new Random(seed, 'folds').shuffle([...members.keys()].sort(byCodePoint));
  const largestFirst = keys.sort((a, b) => members.get(b)!.length - members.get(a)!.length);
  const folds: number[][] = Array.from({ length: count }, () => []);
  for (const key of largestFirst) {
    const fewest = folds.reduce((least, fold) => (fold.length < least.length ? fold : least));
    fewest.push(...members.get(key)!);
  }
  return folds.map((fold) => fold.sort((a, b) => a - b).map((i) => ids[i]!));
}
