/** What the values of single-channel masks mean: two classes, indices, evenly spaced greys, or soft edges. */
import { PixelwiseError } from '../errors/index.js';
import { IGNORE_INDEX } from '../images/raster.js';
import {
  chooseClassValues,
  classNames,
  type ClassesOption,
  type ClassValues,
  classValues,
  listValues,
  type MaskValues,
  nearestValues,
  thresholdValues,
} from './class-values.js';
import { type MaskCensus, summed } from './mask-census.js';

export interface ValueChoice {
  readonly values: ClassValues;
  /** Repairs made while reading, and their files. */
  readonly repair?: {
    readonly code: string;
    readonly message: string;
    readonly fix: string;
    readonly level?: 'note' | 'warning';
    readonly files: readonly string[];
  };
}

/**
 * Chooses a table for all masks of a set, by the cases below in order. `classes` and `maskValues` are requested by the
 * user, or belong to the model for which the masks are read.
 *
 * Throws `mask-lossy` for class indices in lossy files, and `mask-values` as {@link chooseClassValues}.
 */
export function chooseByValues(
  censuses: readonly MaskCensus[],
  where: string,
  classes: ClassesOption | undefined,
  maskValues: MaskValues | undefined,
): ValueChoice {
  const counts = summed(censuses.map(({ values }) => values));
  const found = new Set(counts.keys());
  const asked = classes === undefined ? undefined : classNames(classes).length;
  const binary = asked === undefined || asked === 2;
  const lossy = censuses.filter((census) => census.lossy);
  const filesWith = (odd: (value: number) => boolean): string[] =>
    censuses.filter(({ values }) => [...values.keys()].some(odd)).map(({ file }) => file);
  const others = [...found].filter((value) => value !== 0);

  // The run was trained on 0 and 1, these masks contain 0 and 255: 255 is not "ignored" if there is nothing else.
  if (binary && maskValues === 'indices' && found.has(255) && others.length === 1) {
    return {
      values: thresholdValues(255, classes),
      repair: {
        code: 'mask-values-other',
        message:
          'These masks hold 0 and 255 where the model was trained on 0 and 1: 255 is read as the object.',
        fix: 'Nothing, if that is right; else mark objects with 1.',
        level: 'note',
        files: filesWith((value) => value === 255),
      },
    };
  }
  if (
    binary &&
    lossy.length === 0 &&
    others.length === 1 &&
    others[0]! > 1 &&
    ![255, 65535].includes(others[0]!)
  ) {
    return { values: binaryOf(others[0]!, classes) };
  }
  const full = Math.max(0, ...found) > 255 ? 65535 : 255;
  if (binary && isSoft(counts, full)) {
    const odd = filesWith((value) => value !== 0 && value !== full);
    const share = lossy.length > 0 ? 'saved by a codec that changes values' : 'soft edges';
    return {
      values: thresholdValues((full + 1) / 2, classes),
      repair: {
        code: 'mask-soft',
        message: `These masks hold values between 0 and ${full} (${share}): pixels from half on, ${(full + 1) / 2}, are foreground.`,
        fix: 'Export masks as PNG without smoothing.',
        files: odd,
      },
    };
  }
  if (lossy.length > 0) return fromLossy(counts, lossy, where, asked, classes);
  const levels = spacedLevels(found);
  if (levels !== undefined && (asked === undefined || asked === levels.length)) {
    return { values: spacedValues(levels, classes) };
  }
  // Some files contain 0 and 1, others 0 and 255. If a file contains both 1 and 255, 255 is "ignored".
  const mixed = binary && found.size === 3 && [0, 1, 255].every((value) => found.has(value));
  if (mixed && !censuses.some(({ values }) => values.has(1) && values.has(255))) {
    const [ones, fulls] = [filesWith((value) => value === 1), filesWith((value) => value === 255)];
    const description = 'two classes; objects are 1 in some files and 255 in others';
    const table = new Map([
      [0, 0],
      [1, 1],
      [255, 1],
    ]);
    return {
      values: {
        ...classValues(classNames(classes ?? 2), table, description),
        maskValues: ones.length > fulls.length ? 'indices' : 'zero-or-full',
      },
      repair: {
        code: 'mask-values-mixed',
        message: `These masks hold 0 and ${ones.length > fulls.length ? 255 : 1}, most others 0 and ${ones.length > fulls.length ? 1 : 255}: both 1 and 255 are read as the object.`,
        fix: 'Save all masks in one way; to mark ignored pixels, have both values in one file or give --classes.',
        files: ones.length > fulls.length ? fulls : ones,
      },
    };
  }
  return { values: chooseClassValues(found, where, classes, maskValues) };
}

/** 0 is background, the only other value is the object. */
function binaryOf(value: number, classes: ClassesOption | undefined): ClassValues {
  const names = classNames(classes ?? 2);
  const table = new Map([
    [0, 0],
    [value, 1],
  ]);
  return classValues(names, table, `two classes from the values 0 and ${value}`);
}

/** Limits of the values that count as black and white. */
const END = 0.1;
/** Share of all pixels that are black or white, and of the brighter pixels that are white. */
const LEAST_AT_ENDS = 0.5;
const LEAST_WHITE = 0.25;

/**
 * Whether the values are two classes with soft edges: nearly all pixels are near the ends of the range, and some are
 * nearly white. Class indices and numbers of objects become rare towards the top, or leave a gap below 255.
 */
function isSoft(counts: ReadonlyMap<number, number>, full: number): boolean {
  let [low, middle, high, nearWhite] = [0, 0, 0, 0];
  for (const [value, count] of counts) {
    if (value <= END * full) low += count;
    else if (value < (1 - END) * full) middle += count;
    else {
      high += count;
      if (value < full) nearWhite += count;
    }
  }
  const all = low + middle + high;
  if (middle > CLASS_SHARE * all && hasPeak(counts, full, middle)) return false;
  return nearWhite > 0 && high >= LEAST_WHITE * middle && low + high >= LEAST_AT_ENDS * all;
}

/** Values in the middle that are close together and have at least this share of all pixels are a class. */
const CLASS_SHARE = 0.02;
const PEAK_WIDTH = 0.06;

/** Whether most pixels in the middle of the range have values close together. */
function hasPeak(counts: ReadonlyMap<number, number>, full: number, middle: number): boolean {
  const inside = [...counts].filter(([value]) => value > END * full && value < (1 - END) * full);
  return inside.some(([centre]) => {
    const near = inside.filter(([value]) => Math.abs(value - centre) <= (PEAK_WIDTH / 2) * full);
    return near.reduce((sum, [, count]) => sum + count, 0) > middle / 2;
  });
}

/** The smallest distance of values in a lossy file. The codec changes values by about this much. */
const LEAST_STEP = 32;
/** Values with at least this share of all pixels were drawn; the others were produced by the codec. */
const DRAWN_SHARE = 0.01;

/** Greys that are far enough apart to be recognised after lossy compression. Throws for class indices. */
function fromLossy(
  counts: ReadonlyMap<number, number>,
  lossy: readonly MaskCensus[],
  where: string,
  asked: number | undefined,
  classes: ClassesOption | undefined,
): ValueChoice {
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const drawn: number[] = [];
  for (const [value, count] of [...counts].sort((a, b) => b[1] - a[1])) {
    if (count < DRAWN_SHARE * all) break;
    if (drawn.every((other) => Math.abs(other - value) >= LEAST_STEP)) drawn.push(value);
  }
  drawn.sort((a, b) => a - b);
  const near = [...counts].filter(([value]) =>
    drawn.some((other) => Math.abs(other - value) < LEAST_STEP / 2),
  );
  const nearby = near.reduce((sum, [, count]) => sum + count, 0);
  const files = lossy.map(({ file }) => file);
  if (drawn.length >= 2 && nearby >= 0.8 * all && (asked === undefined || asked === drawn.length)) {
    return {
      values: nearestValues(drawn, classes ?? drawn.length),
      repair: {
        code: 'mask-lossy',
        message:
          `These masks were saved by a codec that changes values (JPEG, lossy WebP): each pixel becomes the class of the ` +
          `nearest of ${drawn.join(', ')}, and edges between far greys get classes in between.`,
        fix: 'Export masks as PNG.',
        files,
      },
    };
  }
  throw new PixelwiseError(
    'mask-lossy',
    `${where}: ${files.length} masks are JPEG or lossy WebP (for instance ${files[0]}) and hold the values ` +
      `${listValues(new Set(counts.keys()))}: the codec changes class indices into others, so that they cannot be told any ` +
      'more. Export masks as PNG from the labelling tool.',
  );
}

/**
 * Evenly spaced values from 0 (0, 5, 10; 0, 127, 255), without 255 if it is ignored; undefined for other values, and
 * for the class indices 0, 1, 2.
 */
function spacedLevels(found: ReadonlySet<number>): number[] | undefined {
  const sorted = [...found].sort((a, b) => a - b);
  if (areSpaced(sorted)) return sorted;
  const labels = sorted.filter((value) => value !== IGNORE_INDEX);
  return labels.length < sorted.length && areSpaced(labels) ? labels : undefined;
}

function areSpaced(levels: readonly number[]): boolean {
  const step = levels[levels.length - 1]! / (levels.length - 1);
  if (levels.length < 3 || levels[0] !== 0 || step < 2) return false;
  return levels.every((value, i) => Math.abs(value - i * step) <= (step < 4 ? 0 : 1));
}

function spacedValues(levels: readonly number[], classes: ClassesOption | undefined): ClassValues {
  const names = classNames(classes ?? levels.length);
  return classValues(
    names,
    new Map(levels.map((value, i) => [value, i])),
    `${levels.length} classes from the evenly spaced greys ${listValues(new Set(levels))}`,
  );
}
