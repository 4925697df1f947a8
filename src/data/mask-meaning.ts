/**
 * What the values of a data set's masks mean, decided once for the whole set from a look at its files. A mask
 * alone cannot tell: 0 and 255 are background and object in one set, class 0 and "ignored" in another.
 */
import type { Colour } from '../images/palette.js';
import { decodeMask } from '../images/decode-mask.js';
import { chooseClassValues, type ClassesOption, type MaskValues, valuesIn } from './class-values.js';
import { type Finding, finding } from './finding.js';
import type { MaskReading } from './mask-reading.js';
import { mapParallel } from './parallel.js';
import { spread } from './spread.js';

/** A class and the colour that stands for it in colour masks, as a legend file beside the data lists it. */
export interface LegendEntry {
  readonly name: string;
  readonly colour: Colour;
}

export interface MaskMeaningOptions {
  /** Names the data set in messages: its root. */
  readonly where: string;
  /** Class names, or how many; those of the run where masks are read for a trained model. */
  readonly classes?: ClassesOption | undefined;
  /** How the masks that a model was trained on store two classes. */
  readonly maskValues?: MaskValues | undefined;
  /** Colours of the classes, in class order, from a legend beside the data or `--classes name=#rrggbb`. */
  readonly legend?: readonly LegendEntry[] | undefined;
  /** Refuse what would otherwise be repaired. */
  readonly strict?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How every mask of a data set becomes classes. */
export interface MaskMeaning {
  /** Class names by index. */
  readonly names: readonly string[];
  /** The way from a mask file to classes; plain data, so that the loader's threads can be told. */
  readonly reading: MaskReading;
  /** How masks store two classes, where that was found; handed on when other masks of the kind are read. */
  readonly maskValues?: MaskValues | undefined;
  /** True where masks number their objects: all of them are read as one class, foreground. */
  readonly numbered: boolean;
  /** What was understood, repaired or refused. A finding of level `error` says why `reading` must not be used. */
  readonly findings: readonly Finding[];
}

/** Masks looked at to learn what their values mean. */
const MASKS_READ = 256;

/**
 * Decides what the masks of a data set mean from up to {@link MASKS_READ} of them, spread over the set.
 * Throws what reading a mask throws, and `mask-values` where no meaning fits.
 */
export async function findMaskMeaning(
  files: readonly string[],
  options: MaskMeaningOptions,
): Promise<MaskMeaning> {
  let found = await valuesOf(spread(files.length, MASKS_READ).map((i) => files[i]!));
  const onlyBackground = [...found].every((value) => value === 0);
  if (onlyBackground && options.maskValues === undefined && files.length > MASKS_READ) {
    // What stands for a rare foreground is in masks not looked at yet: 255 may be it, or mean ignored.
    found = await valuesOf(files);
  }
  const values = chooseClassValues(found, options.where, options.classes, options.maskValues);
  return {
    names: values.names,
    reading: { kind: 'values', values },
    maskValues: values.maskValues,
    numbered: false,
    findings: [finding('note', 'mask-meaning', files, `Masks: ${values.description}.`)],
  };
}

/** All values that masks hold. */
async function valuesOf(masks: readonly string[]): Promise<Set<number>> {
  const found = new Set<number>();
  await mapParallel(masks.length, 8, async (i) => {
    for (const value of valuesIn(await decodeMask(masks[i]!))) found.add(value);
  });
  return found;
}
