/**
 * How many pixels of each class every mask has: what slice weights, class weights and samplers need. Counting
 * decodes all masks once; the counts are kept on disk, and a second run only checks that no file has changed.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { IGNORE_INDEX } from '../images/raster.js';
import { cacheFolder, writeOutputFile } from '../files/index.js';
import type { Dataset } from './dataset.js';
import { mapParallel } from './parallel.js';
import { maskOf, Subset } from './subset.js';

export interface MaskIndexOptions {
  /** Where counts are kept; default `masks` in the user's cache folder. `null` keeps none. */
  readonly folder?: string | null;
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  /** Told after each mask that had to be decoded. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Pixel counts of a dataset's masks. */
export class MaskIndex {
  constructor(
    readonly classes: number,
    /** By sample: pixels of class 0, 1 … then of ignored ones. */
    readonly counts: readonly (readonly number[])[],
  ) {}

  /** Pixels of each class over all samples. */
  totals(): number[] {
    return Array.from({ length: this.classes }, (_, index) =>
      this.counts.reduce((sum, row) => sum + row[index]!, 0),
    );
  }

  /** In how many samples each class occurs. */
  images(): number[] {
    return Array.from(
      { length: this.classes },
      (_, index) => this.counts.filter((row) => row[index]! > 0).length,
    );
  }

  /** Pixels of all classes but the first, by sample: the lesion's or the object's area. */
  foregroundAreas(): number[] {
    return this.counts.map((row) => row.slice(1, this.classes).reduce((sum, count) => sum + count, 0));
  }
}

const Kept = z.object({
  version: z.literal(1),
  classes: z.number().int(),
  entries: z.record(z.string(), z.object({ stamp: z.string(), counts: z.array(z.number()) })),
});

type Entries = z.infer<typeof Kept>['entries'];

/** Counts the pixels of every mask, or takes the counts kept from before. Throws what reading a mask throws. */
export async function indexMasks(dataset: Dataset, options: MaskIndexOptions = {}): Promise<MaskIndex> {
  const { signal, onProgress, concurrency = 8 } = options;
  const classes = dataset.classes.length;
  const folder = options.folder === undefined ? join(cacheFolder(), 'masks') : options.folder;
  const file = folder === null ? undefined : join(folder, `${keyOf(dataset)}.json`);
  const known = file === undefined ? {} : await readKept(file, classes);
  const stamps = await stampsOf(dataset);
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
      const counts = countPixels((await maskOf(dataset, i)).data, classes);
      entries[dataset.ids[i]!] = { stamp: stamps[i]!, counts };
      onProgress?.(++done, missing.length);
    },
    signal,
  );
  if (file !== undefined && missing.length > 0) {
    await writeOutputFile(file, JSON.stringify({ version: 1, classes, entries: { ...known, ...entries } }));
  }
  return new MaskIndex(
    classes,
    dataset.ids.map((id) => entries[id]!.counts),
  );
}

function countPixels(mask: Uint8Array, classes: number): number[] {
  const byValue = new Uint32Array(256);
  for (let i = 0; i < mask.length; i++) byValue[mask[i]!]!++;
  return [...byValue.subarray(0, classes), byValue[IGNORE_INDEX]!];
}

/**
 * Names the kept counts. Another reading of the same files (target, classes) must not share them; parts of one
 * dataset do.
 */
function keyOf(dataset: Dataset): string {
  const whole = dataset instanceof Subset ? dataset.whole : dataset;

  const parts = [dataset.format, ...dataset.classes, dirname(whole.files(0).mask)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24);
}

/** Size and time of each mask file, so that a changed file is counted again. */
async function stampsOf(dataset: Dataset): Promise<string[]> {
  const byFile = new Map<string, Promise<string>>();
  return mapParallel(dataset.length, 64, async (i) => {
    const { mask } = dataset.files(i);
    let stamp = byFile.get(mask);
    if (stamp === undefined) {
      stamp = stat(mask).then(
        ({ size, mtimeMs }) => `${size} ${mtimeMs}`,
        () => 'missing',
      );
      byFile.set(mask, stamp);
    }
    return stamp;
  });
}

/** What was kept; nothing where there is none, or where it is not as it should be: it can be counted again. */
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
