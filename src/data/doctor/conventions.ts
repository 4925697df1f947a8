/** Determines how most masks of a set store classes, to find masks that differ. */
import { IGNORE_INDEX } from '../../images/raster.js';
import type { DatasetFacts, PairFacts } from './facts.js';

export interface Convention {
  /** `full`: 0 and 255 (or 65,535); `index`: class indices. */
  readonly kind: 'full' | 'index';
  /** Values that are classes (without the ignored one). */
  readonly values: ReadonlySet<number>;
}

/** A mask with more values than this, most of them in few pixels, was saved by a lossy codec. */
const SMEARED_VALUES = 12;

/** True for masks that are or were JPEG: many values, and nearly all pixels have one of a few values. */
export function isSmeared({ mask }: PairFacts): boolean {
  if (mask === undefined || mask.palette !== undefined || mask.counts.size <= SMEARED_VALUES) return false;
  const pixels = [...mask.counts.values()].sort((a, b) => b - a);
  const all = pixels.reduce((sum, count) => sum + count, 0);
  const [first = 0, second = 0, third = 0, fourth = 0] = pixels;
  const values = [...mask.counts.keys()];
  const span = Math.max(...values) - Math.min(...values) + 1;
  // With class indices there may be many values from 0, too, but then no few values have nearly all pixels.
  return (
    (first + second + third + fourth) / all > 0.7 && (mask.format === 'jpeg' || span > 2 * SMEARED_VALUES)
  );
}

/** The convention of most masks; undefined if no mask was read. */
export function findConvention({ facts, given: classes }: DatasetFacts): Convention | undefined {
  const read = facts.filter((fact) => fact.mask !== undefined && !isSmeared(fact));
  if (read.length === 0) return undefined;
  const isFull = (values: Iterable<number>, full: number): boolean =>
    [...values].every((v) => v === 0 || v === full);
  const hasFull = (full: number): number =>
    read.filter(({ mask }) => mask!.counts.has(full) && isFull(mask!.counts.keys(), full)).length;
  const nonEmpty = read.filter(({ mask }) => [...mask!.counts.keys()].some((value) => value !== 0)).length;
  for (const full of [255, 65535]) {
    const count = hasFull(full);
    if (count > 0 && count >= nonEmpty / 2 && (classes === undefined || classes.length === 2)) {
      return { kind: 'full', values: new Set([0, full]) };
    }
  }
  if (classes !== undefined) return { kind: 'index', values: new Set(classes.map((_, i) => i)) };
  return { kind: 'index', values: usualIndices(read) };
}

/** The indices from the lowest up to a gap, and beyond it those that occur in many masks. */
function usualIndices(read: readonly PairFacts[]): Set<number> {
  const masks = new Map<number, number>();
  for (const { mask } of read) {
    for (const value of mask!.counts.keys()) {
      if (value !== IGNORE_INDEX) masks.set(value, (masks.get(value) ?? 0) + 1);
    }
  }
  const sorted = [...masks.keys()].sort((a, b) => a - b);
  const often = Math.max(2, 0.05 * read.length);
  const usual = new Set<number>();
  let previous = -1;
  let contiguous = true;
  for (const value of sorted) {
    // Labels may start at 1, which another check reports.
    if (value > Math.max(1, previous + 1)) contiguous = false;
    if (contiguous || masks.get(value)! >= often) usual.add(value);
    previous = value;
  }
  return usual;
}
