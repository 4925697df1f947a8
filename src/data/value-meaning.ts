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
  /** What is repaired while reading, and in which files. */
  readonly repair?: {
    readonly code: string;
    readonly message: string;
    readonly fix: string;
    readonly level?: 'note' | 'warning';
    readonly files: readonly string[];
  };
}

/**
 * Chooses a table for all masks of a set; see the cases in order below. `classes` and `maskValues` are those asked
 * for, or those of the model that the masks are read for.
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

  // Masks of a run trained on 0 and 1 that hold 0 and 255: 255 can hardly be "ignored" where nothing else is.
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
  // Some files write 0 and 1, others 0 and 255; where a file has both, 255 is "ignored".
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

/** 0 is background, the one other value the object. */
function binaryOf(value: number, classes: ClassesOption | undefined): ClassValues {
  const names = classNames(classes ?? 2);
  const table = new Map([
    [0, 0],
    [value, 1],
  ]);
  return classValues(names, table, `two classes from the values 0 and ${value}`);
}

/** Ends of the range that count as black and white. */
const END = 0.1;
/** Of the pixels, what lies at the ends; of the brighter ones, what is white. */
const LEAST_AT_ENDS = 0.5;
const LEAST_WHITE = 0.25;

/**
 * Whether values are two classes with something in between: nearly all pixels near the ends of the range, some near
 * white but not quite. Class indices and numbers of objects thin out towards the top or end in a gap before 255.
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

/** From this share of all pixels on, values in the middle that lie close together are a class of their own. */
const CLASS_SHARE = 0.02;
const PEAK_WIDTH = 0.06;

/** Whether most pixels of the middle lie close together. */
function hasPeak(counts: ReadonlyMap<number, number>, full: number, middle: number): boolean {
  const inside = [...counts].filter(([value]) => value > END * full && value < (1 - END) * full);
  return inside.some(([centre]) => {
    const near = inside.filter(([value]) => Math.abs(value - centre) <= (PEAK_WIDTH / 2) * full);
    return near.reduce((sum, [, count]) => sum + count, 0) > middle / 2;
  });
}

/** Below this, indices in a lossy file cannot be told apart: the codec moves values by as much as they differ. */
const LEAST_STEP = 32;
/** A value with this share of all pixels is one that was drawn; the rest came by the codec. */
const DRAWN_SHARE = 0.01;

/** Greys far enough apart to be told in spite of the codec; an error for class indices. */
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
 * Values at equal distances from 0 on (0, 5, 10; 0, 127, 255), 255 left out where it is ignored; undefined for
 * others, and for the plain indices 0, 1, 2.
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
