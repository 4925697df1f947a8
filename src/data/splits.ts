/**
 * Training, validation and test parts. A group (patient, car) is never cut; the same seed gives the same
 * parts on every machine; an official test part is never trained or chosen on.
 */
import { readFile } from 'node:fs/promises';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { Random } from '../random/index.js';
import type { Dataset } from './dataset.js';
import { byCodePoint } from './files.js';
import { officialSplit } from './split-names.js';
import { Subset } from './subset.js';

/**
 * Where a part comes from:
 * - a fraction in 0…1, drawn by group (by sample where there are no groups);
 * - `{ split }`, an official part of the dataset, or a folder within it (ids that begin with `split/`);
 * - `{ ids }`, listed samples (see {@link readIdList});
 * - `{ dataset }`, another dataset altogether, with the same classes.
 */
export type Part =
  number | { readonly split: string } | { readonly ids: readonly string[] } | { readonly dataset: Dataset };

/** The ids of the samples of each part. */
export type PartIds = Readonly<Record<'train' | 'valid' | 'test', readonly string[]>>;

export interface SplitOptions {
  /** Default: the official validation part, or 0.2 of the training part. 0 for none. */
  readonly valid?: Part | undefined;
  /** Default: the official test part, or none. */
  readonly test?: Part | undefined;
  readonly seed?: number;
  /**
   * Parts that were drawn before. Their samples, and others of their groups, stay where they are, and only the rest is
   * drawn from. It does not apply to parts that are named, listed or another dataset; a fraction of 0 dissolves a part.
   */
  readonly known?: PartIds | undefined;
}

/** The parts; one that is undefined was not set aside. */
export interface Parts {
  readonly train: Dataset;
  readonly valid: Dataset | undefined;
  readonly test: Dataset | undefined;
}

const DEFAULT_FRACTION = 0.2;

/** Splits a dataset. Throws UsageError for fractions out of range, `split` where a part would be empty or leak. */
export function splitDataset(dataset: Dataset, options: SplitOptions = {}): Parts {
  const { seed = 0 } = options;
  const official = (name: string): boolean => dataset.splits?.includes(name) ?? false;
  const testPart = options.test ?? (official('test') ? { split: 'test' } : 0);
  const validPart = options.valid ?? (official('valid') ? { split: 'valid' } : DEFAULT_FRACTION);

  let rest = Array.from({ length: dataset.length }, (_, i) => i);
  const takeNamed = (part: Part): number[] | undefined => {
    if (typeof part === 'number' || 'dataset' in part) return undefined;
    const taken = named(dataset, part);
    const set = new Set(taken);
    rest = rest.filter((i) => !set.has(i));
    return taken;
  };
  // Named parts first, so that a fraction is drawn from what is left to train on.
  let test = takeNamed(testPart);
  let valid = takeNamed(validPart);
  rest = rest.filter(
    (i) => !isOfficialTest(dataset, i) && !(official('train') && dataset.splits![i] !== 'train'),
  );
  const before = partsByKey(dataset, rest, options.known);
  const takeDrawn = (fraction: number, name: 'test' | 'valid'): number[] | undefined => {
    const partBefore = (i: number) => before.get(keyOf(dataset, i));
    const stay = new Set(fraction === 0 ? [] : rest.filter((i) => partBefore(i) === name));
    const open = rest.filter((i) => partBefore(i) === undefined);
    const fresh = new Set(drawn(dataset, open, fraction, seed, name, before.size > 0));
    const taken = (i: number) => stay.has(i) || fresh.has(i);
    const indices = rest.filter(taken);
    rest = rest.filter((i) => !taken(i));
    return indices;
  };
  if (typeof testPart === 'number') test = takeDrawn(testPart, 'test');
  if (typeof validPart === 'number') valid = takeDrawn(validPart, 'valid');
  if (rest.length === 0) throw new PixelwiseError('split', 'No sample is left to train on. Set fewer aside.');

  const parts = {
    train: new Subset(dataset, rest),
    valid: partOf(dataset, validPart, valid),
    test: partOf(dataset, testPart, test),
  };
  checkGroups(parts, dataset);
  return parts;
}

/**
 * Returns one part by itself, even if no other samples remain: an official part of the dataset, or a folder within it.
 * Throws `split` where there is no such part.
 */
export function namedPart(dataset: Dataset, split: string): Subset {
  return new Subset(dataset, named(dataset, { split }));
}

/** Ids listed in a file, one a line (blank lines and lines that begin with # left out). */
export async function readIdList(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new PixelwiseError('split', `${path}: the list of samples cannot be read.`, { cause });
  });
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

function isOfficialTest(dataset: Dataset, i: number): boolean {
  return dataset.splits?.[i] === 'test';
}

function named(dataset: Dataset, part: { split: string } | { ids: readonly string[] }): number[] {
  const all = Array.from({ length: dataset.length }, (_, i) => i);
  if ('ids' in part) {
    const position = new Map(dataset.ids.map((id, i) => [id, i]));
    return part.ids.map((id) => {
      const i = position.get(id) ?? position.get(id.replace(/\.[^./]+$/, ''));
      if (i === undefined) {
        throw new PixelwiseError(
          'split',
          `The listed sample "${id}" is not in the data set (ids look like "${dataset.ids[0]}").`,
        );
      }
      return i;
    });
  }
  const wanted = officialSplit(part.split);
  const found = all.filter((i) => dataset.splits?.[i] === wanted || dataset.splits?.[i] === part.split);
  if (found.length > 0) return found;
  const folder = `${part.split.replace(/[/\\]+$/, '')}/`;
  const inside = all.filter((i) => dataset.ids[i]!.startsWith(folder));
  if (inside.length > 0) return inside;
  const known = [...new Set(dataset.splits ?? [])].filter((name) => name !== undefined);
  throw new PixelwiseError(
    'split',
    `The data set has no part "${part.split}"; it has ${known.length > 0 ? known.join(', ') : 'no official parts'}. ` +
      'Give one of these, a folder within it, or a fraction.',
  );
}

/** The unit that is never split across parts: the sample's group, or the sample itself. */
function keyOf(dataset: Dataset, i: number): string {
  return dataset.groups?.[i] ?? dataset.ids[i]!;
}

/** The part that each group (or sample) of `from` was in; those that are new are absent. */
function partsByKey(
  dataset: Dataset,
  from: readonly number[],
  known: PartIds | undefined,
): ReadonlyMap<string, keyof PartIds> {
  if (!known) return new Map();
  const partOfId = new Map(
    (['train', 'valid', 'test'] as const).flatMap((part) => known[part].map((id) => [id, part] as const)),
  );
  return new Map(
    from.flatMap((i) => {
      const part = partOfId.get(dataset.ids[i]!);
      return part === undefined ? [] : [[keyOf(dataset, i), part] as const];
    }),
  );
}

/**
 * Draws a fraction of the groups (or samples) of `from`.
 *
 * @param mayBeNone whether few samples may give none; else it is at least one where the fraction is above 0.
 */
function drawn(
  dataset: Dataset,
  from: readonly number[],
  fraction: number,
  seed: number,
  name: string,
  mayBeNone: boolean,
): number[] {
  if (!(fraction >= 0 && fraction < 1)) {
    throw new UsageError(`A ${name} part of ${fraction}; it must be at least 0 and below 1.`);
  }
  if (fraction === 0) return [];
  const keys = [...new Set(from.map((i) => keyOf(dataset, i)))].sort(byCodePoint);
  if (keys.length < 2 && !mayBeNone) {
    throw new PixelwiseError(
      'split',
      `There ${keys.length === 1 ? 'is one group' : 'are no groups'} to draw a ${name} part from; two or more are needed. ` +
        'Give another grouping, a data set for it, or 0.',
    );
  }
  const share = Math.round(fraction * keys.length);
  const count = mayBeNone ? share : Math.max(1, Math.min(keys.length - 1, share));
  const chosen = new Set(new Random(seed, 'split', name).shuffle(keys).slice(0, count));
  return from.filter((i) => chosen.has(keyOf(dataset, i)));
}

function partOf(dataset: Dataset, part: Part, indices: readonly number[] | undefined): Dataset | undefined {
  if (typeof part === 'object' && 'dataset' in part) {
    if (part.dataset.classes.length !== dataset.classes.length) {
      throw new PixelwiseError(
        'split',
        `The part set aside has ${part.dataset.classes.length} classes, the training data ${dataset.classes.length}. ` +
          'Give --classes so that both are read alike.',
      );
    }
    return part.dataset;
  }
  return indices === undefined || indices.length === 0 ? undefined : new Subset(dataset, indices);
}

/** Throws if a group, or a sample, is in two parts of one data set. */
function checkGroups({ train, valid, test }: Parts, dataset: Dataset): void {
  const sourceOf = (part: Dataset): Dataset => (part instanceof Subset ? sourceOf(part.whole) : part);
  const source = sourceOf(dataset);
  const owner = new Map<string, string>();
  for (const [name, part] of [
    ['train', train],
    ['valid', valid],
    ['test', test],
  ] as const) {
    if (!(part instanceof Subset) || sourceOf(part) !== source) continue;
    for (const key of new Set(part.groups ?? part.ids)) {
      const before = owner.get(key);
      if (before !== undefined && before !== name) {
        throw new PixelwiseError(
          'split',
          `"${key}" is in the ${before} and in the ${name} part: scores would be too good. Move all of it to one part.`,
        );
      }
      owner.set(key, name);
    }
  }
}
