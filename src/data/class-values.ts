/**
 * Maps the values stored in masks to classes. Labelling tools differ: class indices, 0 and 255, palette entries. The
 * decoder returns the stored values (images/decode-mask.ts); the tables in this file map them to classes.
 */
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { RawMask } from '../images/decode-mask.js';
import { type ClassMask, IGNORE_INDEX } from '../images/raster.js';

/**
 * How masks store two classes: class 1 as the largest value (255, or 65,535 in 16 bits), or as its index 1, with 255
 * for ignored pixels; or a number for each object of class 1.
 */
export const MASK_VALUES = ['zero-or-full', 'indices', 'object-numbers'] as const;

export type MaskValues = (typeof MASK_VALUES)[number];

/** A table from stored values to classes, with the names of the classes. */
export interface ClassValues {
  /** Names by class index. */
  readonly names: readonly string[];
  /** Description for the user: `two classes from 0 and 255`. */
  readonly description: string;
  /** Undefined if the format has its own values. */
  readonly maskValues?: MaskValues;
  /** The class of each stored value (65,536 entries), or {@link UNKNOWN_VALUE}. */
  readonly table: Uint16Array;
}

export const UNKNOWN_VALUE = 0xffff;

/** Class names, or the number of classes. */
export type ClassesOption = readonly string[] | number;

/** A class index is a byte whose last value means "ignored". */
const MOST_CLASSES = 255;

/** The given names, or default names: `background` and `foreground` for two classes, else `class 0`, `class 1`… */
export function classNames(classes: ClassesOption): readonly string[] {
  const count = typeof classes === 'number' ? classes : classes.length;
  if (!Number.isInteger(count) || count < 2 || count > MOST_CLASSES) {
    throw new UsageError(`${count} classes; between 2 and ${MOST_CLASSES} are supported.`);
  }
  if (typeof classes !== 'number') {
    const twice = classes.find((name, i) => classes.indexOf(name) !== i);
    if (twice !== undefined) throw new UsageError(`The class name "${twice}" is given twice.`);
    return classes;
  }
  if (count === 2) return ['background', 'foreground'];
  return Array.from({ length: count }, (_, i) => `class ${i}`);
}

/** A table in which each listed value is a class; 255 is ignored unless listed. */
export function classValues(
  names: readonly string[],
  values: ReadonlyMap<number, number>,
  description: string,
): ClassValues {
  // Shared memory: it is sent to the loader's threads with every sample and must not be copied.
  const table = new Uint16Array(new SharedArrayBuffer(65536 * 2)).fill(UNKNOWN_VALUE);
  table[IGNORE_INDEX] = IGNORE_INDEX;
  for (const [value, index] of values) table[value] = index;
  return { names, description, table };
}

/** Stored value = class index; 255 is ignored. */
export function indexValues(classes: ClassesOption): ClassValues {
  const names = classNames(classes);
  const values = new Map(names.map((_, i) => [i, i]));
  return { ...classValues(names, values, `${names.length} classes by index`), maskValues: 'indices' };
}

/** 0 is class 0; `foreground` (255, or 65,535 in 16 bits) is class 1. */
export function zeroOrFull(foreground: number, classes: ClassesOption = 2): ClassValues {
  const values = new Map([
    [0, 0],
    [foreground, 1],
  ]);
  const description = `two classes from the values 0 and ${foreground}`;
  return { ...classValues(classNames(classes), values, description), maskValues: 'zero-or-full' };
}

/** Every value from `at` on is class 1, the others are class 0. */
export function thresholdValues(at: number, classes: ClassesOption = 2): ClassValues {
  const table = new Uint16Array(new SharedArrayBuffer(65536 * 2)).fill(1, at);
  const description =
    at === 1 ? 'two classes, every value but 0 foreground' : `two classes, foreground from ${at} on`;
  return { names: classNames(classes), description, table, maskValues: 'zero-or-full' };
}

/** Every value is the class of the nearest of `levels`, which are sorted. */
export function nearestValues(levels: readonly number[], classes: ClassesOption): ClassValues {
  const table = new Uint16Array(new SharedArrayBuffer(65536 * 2));
  let index = 0;
  for (let value = 0; value < table.length; value++) {
    while (index + 1 < levels.length && levels[index + 1]! - value <= value - levels[index]!) index++;
    table[value] = index;
  }
  const description = `${levels.length} classes by the nearest of the values ${levels.join(', ')}`;
  return { names: classNames(classes), description, table };
}

/**
 * Chooses the table by the values that occur in masks (in some of them, or in all):
 *
 * 1. only 0 and 255 (or 0 and 65,535), and at most two classes are requested: two classes;
 * 2. else the values are class indices and 255 is ignored. The number of classes is given by `classes`, or is the
 *    highest index plus one.
 *
 * `maskValues` decides if the values are ambiguous: 0 and 255, or only 0.
 *
 * Throws `mask-values` if the values look like grey levels (many gaps) and `classes` does not confirm them, or if a
 * value is above 254.
 */
export function chooseClassValues(
  found: ReadonlySet<number>,
  where: string,
  classes?: ClassesOption,
  maskValues?: MaskValues,
): ClassValues {
  const highest = Math.max(0, ...found);
  const asked = classes === undefined ? undefined : classNames(classes).length;
  if (isOpen(found) && maskValues !== undefined && (asked === undefined || asked === 2)) {
    return maskValues !== 'zero-or-full' ? indexValues(classes ?? 2) : zeroOrFull(255, classes);
  }
  for (const full of [255, 65535]) {
    const binary = [...found].every((value) => value === 0 || value === full);
    if (binary && found.has(full) && (asked === undefined || asked === 2)) return zeroOrFull(full, classes);
  }
  if (classes !== undefined) return indexValues(classes);
  const indices = [...found].filter((value) => value !== IGNORE_INDEX);
  const count = Math.max(2, Math.max(0, ...indices) + 1);
  const sparse = count > 16 && indices.length < count / 4;
  if (highest > 65534 || count > MOST_CLASSES || sparse) {
    throw new PixelwiseError(
      'mask-values',
      `${where}: the masks hold the values ${listValues(found)}, which do not look like class indices (0, 1, 2 … and ` +
        '255 for ignored) nor like 0 and 255. Save masks with one index a class, or give --classes if these are indices.',
    );
  }
  return indexValues(count);
}

/** Whether the values may be class indices as well as 0 and 255. */
function isOpen(found: ReadonlySet<number>): boolean {
  return [...found].every((value) => value === 0 || value === 255);
}

/** `0, 1, 2, 255`, shortened after eight. */
export function listValues(values: ReadonlySet<number>): string {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length <= 8
    ? sorted.join(', ')
    : `${sorted.slice(0, 6).join(', ')} … ${sorted.at(-1)} (${sorted.length} of them)`;
}

/** The values that occur in a mask. */
export function valuesIn(mask: RawMask): Set<number> {
  const seen = new Uint8Array(mask.data instanceof Uint16Array ? 65536 : 256);
  for (let i = 0; i < mask.data.length; i++) seen[mask.data[i]!] = 1;
  const values = new Set<number>();
  for (let value = 0; value < seen.length; value++) if (seen[value] === 1) values.add(value);
  return values;
}

/** Maps stored values to classes. Throws `mask-values`, naming file, value, pixel and what to do. */
export function toClassMask(
  raw: RawMask,
  { names, table, description }: ClassValues,
  file: string,
): ClassMask {
  const { width, height, data } = raw;
  const out = new Uint8Array(data.length);
  // One pass without a branch: classes fit into a byte, and an unknown value sets a higher bit.
  let seen = 0;
  for (let i = 0; i < data.length; i++) {
    const index = table[data[i]!]!;
    out[i] = index;
    seen |= index;
  }
  if (seen > 255) throw outsideClasses(raw, { names, table, description }, file);
  return { width, height, data: out };
}

function outsideClasses(
  raw: RawMask,
  { names, table, description }: ClassValues,
  file: string,
): PixelwiseError {
  const i = raw.data.findIndex((value) => table[value] === UNKNOWN_VALUE);
  const value = raw.data[i]!;
  const lossy = raw.format === 'jpeg' ? ' It is a JPEG, which smears mask values: save masks as PNG.' : '';
  const fix =
    value < MOST_CLASSES && value >= names.length
      ? `Give --classes ${value + 1} (or the names) if ${value} is a class, or correct the mask; 255 marks ignored pixels.`
      : 'Correct the mask; 255 marks ignored pixels.';
  return new PixelwiseError(
    'mask-values',
    `${file}: value ${value} at ${i % raw.width},${Math.floor(i / raw.width)} is outside the classes ` +
      `(${description}).${lossy} ${fix}`,
  );
}
