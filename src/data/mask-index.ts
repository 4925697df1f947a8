/**
 * An index of all masks: the size of each, the number of pixels of each class, and the positions of some of them, for
 * class weights, samplers and the drawing of patches. All masks are decoded once. The index is saved, and the next run
 * only checks that no file has changed.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { type ClassMask, IGNORE_INDEX } from '../images/raster.js';
import { cacheFolder, writeOutputFile } from '../files/index.js';
import { maskValueCount } from '../labels/label-set.js';
import type { Dataset } from './dataset.js';
import { mapParallel } from './parallel.js';
import { maskOf, Subset } from './subset.js';

export interface MaskIndexOptions {
  /** Folder of the saved counts; default `masks` in the user's cache folder. `null`: do not save. */
  readonly folder?: string | null;
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  /** Called after each mask that was decoded. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A place in an image as shares of its width and height, 0 … 1, so that it does not depend on the image's size. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** What one mask holds. */
interface MaskEntry {
  readonly width: number;
  readonly height: number;
  /** Pixels of class 0, 1 … then of ignored ones. */
  readonly counts: readonly number[];
  /** By class: x and y in turn of at most {@link PLACES} of its pixels, in 65,536ths of width and height. */
  readonly places: readonly (readonly number[])[];
}

/** Pixels of a class whose places are kept, by mask. They are evenly spaced in the order of rows. */
const PLACES = 24;
const PLACE_STEPS = 65_536;

/** An index of a dataset's masks. */
export class MaskIndex {
  /** By sample: pixels of class 0, 1 … then of ignored ones. */
  readonly counts: readonly (readonly number[])[];

  constructor(
    readonly classes: number,
    private readonly entries: readonly MaskEntry[],
  ) {
    this.counts = entries.map(({ counts }) => counts);
  }

  /** Width and height of the mask of sample `i`. */
  sizeOf(i: number): { readonly width: number; readonly height: number } {
    return this.entries[i]!;
  }

  /** Places of pixels of a class in sample `i`; none if the class does not occur there. */
  placesOf(i: number, of: number): Place[] {
    const flat = this.entries[i]!.places[of]!;
    return Array.from({ length: flat.length / 2 }, (_, k) => ({
      x: (flat[2 * k]! + 0.5) / PLACE_STEPS,
      y: (flat[2 * k + 1]! + 0.5) / PLACE_STEPS,
    }));
  }

  /** Pixels of each class over all samples. */
  totals(): number[] {
    return Array.from({ length: this.classes }, (_, index) =>
      this.counts.reduce((sum, row) => sum + row[index]!, 0),
    );
  }

  /** The number of samples in which each class occurs. */
  images(): number[] {
    return Array.from(
      { length: this.classes },
      (_, index) => this.counts.filter((row) => row[index]! > 0).length,
    );
  }

  /** Pixels of all classes except the first, by sample: the area of the lesion or object. */
  foregroundAreas(): number[] {
    return this.counts.map((row) => row.slice(1, this.classes).reduce((sum, count) => sum + count, 0));
  }
}

const VERSION = 2;

const Kept = z.object({
  version: z.literal(VERSION),
  classes: z.number().int(),
  entries: z.record(
    z.string(),
    z.object({
      stamp: z.string(),
      width: z.number().int(),
      height: z.number().int(),
      counts: z.array(z.number()),
      places: z.array(z.array(z.number())),
    }),
  ),
});

type Entries = Record<string, MaskEntry & { readonly stamp: string }>;

/** Indexes every mask, or loads the saved entries. Throws what reading a mask throws. */
export async function indexMasks(dataset: Dataset, options: MaskIndexOptions = {}): Promise<MaskIndex> {
  const { signal, onProgress, concurrency = 8 } = options;
  const classes = maskValueCount(dataset);
  const folder = options.folder === undefined ? join(cacheFolder(), 'masks') : options.folder;
  const stamps = await stampsOf(dataset);
  // Masks without files, which are given as objects, may be others next time.
  const kept = folder !== null && !stamps.includes(MISSING);
  const file = kept ? join(folder, `${keyOf(dataset)}.json`) : undefined;
  const known = file === undefined ? {} : await readKept(file, classes);
  const missing: number[] = [];
  const entries: Entries = {};
  for (let i = 0; i < dataset.length; i++) {
    const entry = known[dataset.ids[i]!];
    if (entry !== undefined && entry.stamp === stamps[i]) entries[dataset.ids[i]!] = entry;
    else missing.push(i);
  }
  let done = 0;
  await mapParallel(
    missing.length,
    concurrency,
    async (k) => {
      const i = missing[k]!;
      entries[dataset.ids[i]!] = { stamp: stamps[i]!, ...entryOf(await maskOf(dataset, i), classes) };
      onProgress?.(++done, missing.length);
    },
    signal,
  );
  if (file !== undefined && missing.length > 0) {
    const kept = JSON.stringify({ version: VERSION, classes, entries: { ...known, ...entries } });
    // A cache that cannot be written is done without.
    await writeOutputFile(file, kept).catch(() => undefined);
  }
  return new MaskIndex(
    classes,
    dataset.ids.map((id) => entries[id]!),
  );
}

/** Counts the pixels of each class, then keeps the places of evenly spaced ones. */
function entryOf({ width, height, data }: ClassMask, classes: number): MaskEntry {
  const byValue = new Uint32Array(256);
  for (let i = 0; i < data.length; i++) byValue[data[i]!]!++;
  const places = Array.from({ length: classes }, (): number[] => []);
  const step = (at: number, size: number) => Math.floor(((at + 0.5) * PLACE_STEPS) / size);
  const seen = new Uint32Array(256);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value >= classes) continue;
    const count = byValue[value]!;
    // The k-th place is the pixel in the middle of the k-th of equal parts.
    const kept = Math.min(count, PLACES);
    const k = places[value]!.length / 2;
    if (k < kept && seen[value]! === Math.floor(((k + 0.5) * count) / kept)) {
      places[value]!.push(step(i % width, width), step(Math.floor(i / width), height));
    }
    seen[value]!++;
  }
  return { width, height, counts: [...byValue.subarray(0, classes), byValue[IGNORE_INDEX]!], places };
}

/**
 * The name of the saved counts. Parts of one data set share them; other classes or targets for the same files do not.
 */
function keyOf(dataset: Dataset): string {
  const whole = dataset instanceof Subset ? dataset.whole : dataset;

  const parts = [
    dataset.format,
    ...dataset.classes,
    ...(dataset.multiLabel === true ? ['multi-label'] : []),
    dirname(whole.files(0).mask),
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24);
}

const MISSING = 'missing';

/** Size and time of each mask file, so that a changed file is counted again. */
async function stampsOf(dataset: Dataset): Promise<string[]> {
  const byFile = new Map<string, Promise<string>>();
  return mapParallel(dataset.length, 64, async (i) => {
    const { mask } = dataset.files(i);
    let stamp = byFile.get(mask);
    if (stamp === undefined) {
      stamp = stat(mask).then(
        ({ size, mtimeMs }) => `${size} ${mtimeMs}`,
        () => MISSING,
      );
      byFile.set(mask, stamp);
    }
    return stamp;
  });
}

/** The saved counts; undefined if there are none or they are damaged, because they can be counted again. */
async function readKept(file: string, classes: number): Promise<Entries> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return {};
  try {
    const kept = Kept.parse(JSON.parse(text));
    return kept.classes === classes ? kept.entries : {};
  } catch {
    return {};
  }
}
