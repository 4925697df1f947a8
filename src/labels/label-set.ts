/**
 * Classes that overlap (multi-label): a pixel may belong to several of them, or to none. A mask value is then the set of
 * its classes: bit k is set if the pixel belongs to class k. There is no background class; it is the empty set, 0.
 */
import { UsageError } from '../errors/index.js';
import { IGNORE_INDEX } from './ignore-index.js';

/** A set is a byte, and {@link IGNORE_INDEX} would be the set of eight classes. */
export const MOST_OVERLAPPING_CLASSES = 7;

/** What masks of a data set or a model mean: class indices, or with `multiLabel` sets of classes. */
export interface MaskClasses {
  readonly classes: readonly string[];
  readonly multiLabel?: boolean | undefined;
}

/** Whether each pixel is one of two classes, a foreground and a background. */
export function isBinary({ classes, multiLabel }: MaskClasses): boolean {
  return classes.length === 2 && multiLabel !== true;
}

/** The number of values that masks may have, {@link IGNORE_INDEX} aside: from 0 to this, less 1. */
export function maskValueCount({ classes, multiLabel }: MaskClasses): number {
  return multiLabel === true ? 2 ** classes.length : classes.length;
}

/** What a mask value means, in words: the name of its class, or `a + b`; `none` for the empty set. */
export function maskValueName({ classes, multiLabel }: MaskClasses, value: number): string {
  if (multiLabel !== true) return classes[value] ?? `class ${value}`;
  const names = classes.filter((_, k) => hasClass(value, k));
  return names.length === 0 ? 'none' : names.join(' + ');
}

/** Whether a set contains class `k`. */
export function hasClass(set: number, k: number): boolean {
  return ((set >> k) & 1) === 1;
}

/** The set that contains class `k` only. */
export function setOf(k: number): number {
  return 1 << k;
}

/** The number of pixels of each class in a mask. Ignored pixels are in none. */
export function pixelsByClass(data: Uint8Array, of: MaskClasses): number[] {
  const byValue = new Array<number>(256).fill(0);
  for (let i = 0; i < data.length; i++) byValue[data[i]!]!++;
  byValue[IGNORE_INDEX] = 0;
  if (of.multiLabel !== true) return of.classes.map((_, k) => byValue[k]!);
  return of.classes.map((_, k) =>
    byValue.reduce((sum, count, set) => sum + (hasClass(set, k) ? count : 0), 0),
  );
}

/** The classes that occur in a mask of sets, ascending. Ignored pixels have none. */
export function classesInSets(sets: ArrayLike<number>): number[] {
  let all = 0;
  for (let i = 0; i < sets.length; i++) if (sets[i] !== IGNORE_INDEX) all |= sets[i]!;
  return Array.from({ length: MOST_OVERLAPPING_CLASSES }, (_, k) => k).filter((k) => hasClass(all, k));
}

/** The pixels of class `k` as a mask of 0 and 1; ignored pixels stay ignored. */
export function planeOf(sets: Uint8Array, k: number): Uint8Array {
  return sets.map((set) => (set === IGNORE_INDEX ? IGNORE_INDEX : (set >> k) & 1));
}

/**
 * A colour for each set: the mean of its classes' colours, and black for the empty set.
 *
 * @param palette red, green and blue of each class.
 */
export function coloursOfSets<Colour extends readonly [number, number, number]>(
  palette: readonly Colour[],
): [red: number, green: number, blue: number][] {
  return Array.from({ length: 2 ** palette.length }, (_, set) => {
    const members = palette.filter((_, k) => hasClass(set, k));
    const mean = (channel: 0 | 1 | 2) =>
      Math.round(members.reduce((sum, colour) => sum + colour[channel], 0) / Math.max(1, members.length));
    return [mean(0), mean(1), mean(2)];
  });
}

/** Throws a UsageError unless there are 2 to 7 names, all different. @param where starts the message. */
export function checkOverlappingClasses(classes: readonly string[], where: string): void {
  const { length } = classes;
  if (length >= 2 && length <= MOST_OVERLAPPING_CLASSES && new Set(classes).size === length) return;
  throw new UsageError(
    `${where}: --multi-label takes 2 to ${MOST_OVERLAPPING_CLASSES} classes that may overlap; there ${length === 1 ? 'is' : 'are'} ${length}` +
      `${length > 0 ? ` (${classes.slice(0, 8).join(', ')}${length > 8 ? ' …' : ''})` : ''}. ` +
      (length < 2 ? 'Leave --multi-label out.' : 'Leave some out, or train several models.'),
  );
}
