/**
 * Writes a repaired copy of a data set in the format `folder`: unchanged images, masks of class indices as PNG with a
 * palette, a class list, and a manifest of the pairs with their groups and official parts.
 */
import { copyFile, link, mkdir, readdir, realpath, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { isSystemError, renameOver, writeError } from '../../files/index.js';
import { decodeStoredMask } from '../../images/decode-mask.js';
import { encodeImage, encodeMask } from '../../images/encode.js';
import { isTiffName } from '../../images/image-source.js';
import { tiffStructure } from '../../images/pixel-file.js';
import { type ClassMask, IGNORE_INDEX, type Raster } from '../../images/raster.js';
import { encodeImageTiff } from '../../images/tiff/write.js';
import type { Dataset } from '../dataset.js';
import type { MaskReading } from '../mask-reading.js';
import { mapParallel } from '../parallel.js';
import { observe } from './checks.js';
import { type DatasetFacts, type ExamineOptions, gatherFacts, type PairFacts } from './facts.js';
import { groupProblems, type Observation } from './report.js';

/** A repair: the number of files, three of them, and the reason. */
export interface Repair {
  readonly code: string;
  readonly count: number;
  readonly examples: readonly string[];
  readonly message: string;
}

export interface RepairedCopy {
  /** The folder, an absolute path. */
  readonly out: string;
  /** Number of unchanged files: hard links, or copies if the file system cannot link them. */
  readonly linked: number;
  /** Number of files that were written. */
  readonly converted: number;
  /** Number of images that were left out. */
  readonly skipped: number;
  readonly repairs: readonly Repair[];
}

/** Leaving out files can cause other problems, so the set is examined again, at most this often. */
const MOST_ROUNDS = 4;

/** Notes of opening a data set on changes that the copy makes permanent. */
const CHANGES: readonly string[] = [
  'mask-alpha',
  'mask-palettes',
  'mask-objects',
  'mask-values-other',
  'pages-slices',
  'pages-channels',
  'pages-first',
];
/** Warnings of opening a data set on files that are left out. */
const LEFT_OUT: readonly string[] = ['mask-missing', 'image-missing', 'file-unused'];

/**
 * Writes a repaired copy of the data set of `options` to the folder `out`, which must be empty or not exist. Samples
 * with an error are left out. Masks are the class planes that training reads.
 *
 * Throws UsageError if the folder is not empty or is inside the data set, and what opening the data set throws if that
 * cannot be repaired by leaving out files.
 */
export async function writeRepairedCopy(options: ExamineOptions, out: string): Promise<RepairedCopy> {
  const target = resolve(out);
  await checkTarget(target, resolve(options.root));
  const { facts, left } = await withoutErrors(options);
  const { dataset } = facts;
  if (dataset === undefined) throw facts.openError!;
  const seen = observe(facts);
  const kept = facts.facts.flatMap((fact, i) => (faultsOf(fact, dataset, i, seen).length === 0 ? [i] : []));
  if (kept.length === 0) {
    throw new PixelwiseError(
      'data-empty',
      `${options.root}: every sample has an error, so nothing is left to copy.`,
    );
  }
  const partial = `${target}.${process.pid}.partial`;
  try {
    await mkdir(dirname(target), { recursive: true });
    await mkdir(partial);
    const written = await writeSamples(dataset, kept, partial, options);
    await rmdir(target).catch(() => undefined);
    await renameOver(partial, target);
    const unlabelled = dataset.unlabelled?.length ?? 0;
    return {
      out: target,
      linked: written.linked,
      converted: written.converted,
      skipped: left.samples + facts.facts.length - kept.length + unlabelled,
      repairs: [...left.repairs, ...written.repairs, ...repairsOf(dataset)],
    };
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    throw isSystemError(error) ? writeError(target, error) : error;
  }
}

async function checkTarget(target: string, root: string): Promise<void> {
  const way = relative(root, target);
  if (way === '' || (!way.startsWith('..') && resolve(way) !== way)) {
    throw new UsageError(`--fix ${target} is inside the data set: name a folder outside of ${root}.`);
  }
  const entries = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new UsageError(`--fix ${target} is not a folder. Give a folder that is empty or does not exist.`, {
      cause: error,
    });
  });
  if (entries.length > 0) {
    throw new UsageError(`--fix ${target} is not empty: name a folder that is empty or does not exist.`);
  }
}

interface Left {
  readonly samples: number;
  readonly repairs: readonly Repair[];
}

/** Examines the set and leaves out files with errors, until no errors remain. */
async function withoutErrors(options: ExamineOptions): Promise<{ facts: DatasetFacts; left: Left }> {
  const leftOut = new Set<string>();
  const observations: Observation[] = [];
  let samples = 0;
  let facts = await gatherFacts(options);
  for (let round = 1; round < MOST_ROUNDS; round++) {
    const seen = observe(facts);
    const before = leftOut.size;
    facts.facts.forEach((fact, i) => {
      const faults = faultsOf(fact, facts.dataset, i, seen);
      if (faults.length === 0) return;
      samples++;
      observations.push(faults[0]!);
      for (const file of filesOf(fact, facts.dataset, i)) leftOut.add(file);
    });
    if (leftOut.size === before) break;
    const { format } = facts;
    const pairs = facts.pairs;
    facts = await gatherFacts({ ...options, format, leftOut });
    // If the format lists its files elsewhere, they are still in the list and are left out one by one.
    if (facts.pairs === pairs) {
      samples = 0;
      break;
    }
  }
  const repairs = groupProblems(observations).map(({ code, count, examples, message }): Repair => ({
    code,
    count,
    examples,
    message: `Left out: ${message}`,
  }));
  return { facts, left: { samples, repairs } };
}

/** The problem of a sample that prevents it from being in the copy. */
function faultsOf(
  fact: PairFacts,
  dataset: Dataset | undefined,
  i: number,
  seen: readonly Observation[],
): Observation[] {
  const { imageError, maskError, sampleError, pair } = fact;
  const observed = (error: PixelwiseError, file: string): Observation[] => [
    { level: 'error', code: error.code, file, message: error.message, fix: '' },
  ];
  if (imageError !== undefined) return observed(imageError, pair.image);
  // Colours of masks are checked when the set is opened.
  if (maskError !== undefined && maskError.code !== 'mask-colours') return observed(maskError, pair.mask);
  if (sampleError !== undefined) return observed(sampleError, pair.mask);
  if (dataset === undefined) return [];
  const files = filesOf(fact, dataset, i);
  return seen.filter(
    ({ level, code, file }) => level === 'error' && code !== 'group-leak' && files.includes(file),
  );
}

/** The files of a sample: its image, and its masks if they are separate files. */
function filesOf({ pair }: PairFacts, dataset: Dataset | undefined, i: number): string[] {
  const reading = dataset === undefined ? undefined : maskReadingOf(dataset, i);
  if (dataset !== undefined && reading === undefined) return [pair.image];
  const layers = reading?.kind === 'layers' ? reading.layers : (pair.layers ?? []);
  return [pair.image, pair.mask, ...layers.map(({ file }) => file)];
}

const maskReadingOf = (dataset: Dataset, i: number): MaskReading | undefined =>
  dataset.reading?.(i)?.maskReading;

interface Written {
  readonly linked: number;
  readonly converted: number;
  readonly repairs: readonly Repair[];
}

async function writeSamples(
  dataset: Dataset,
  kept: readonly number[],
  folder: string,
  { concurrency = 4, signal }: ExamineOptions,
): Promise<Written> {
  const names = namesOf(kept.map((i) => dataset.ids[i]!));
  const [images, masks]: [string[], string[]] = [[], []];
  let linked = 0;
  const rows = await mapParallel(
    kept.length,
    concurrency,
    async (k) => {
      const i = kept[k]!;
      const { image: imageFile, mask: maskFile } = dataset.files(i);
      const { image, mask } = await dataset.get(i);
      const name = names[k]!;
      let imageName = `images/${name}${extname(imageFile).toLowerCase()}`;
      await mkdir(dirname(join(folder, imageName)), { recursive: true });
      await mkdir(dirname(join(folder, `masks/${name}`)), { recursive: true });
      if (await isReadWhole(dataset, i)) {
        await linkOrCopy(imageFile, join(folder, imageName));
        linked++;
      } else {
        const { ending, bytes } = await encoded(image);
        imageName = `images/${name}${ending}`;
        await writeFile(join(folder, imageName), bytes);
        images.push(imageFile);
      }
      const maskName = `masks/${name}.png`;
      if (await isStoredSo(maskFile, maskReadingOf(dataset, i), mask)) {
        await linkOrCopy(maskFile, join(folder, maskName));
        linked++;
      } else {
        await writeFile(join(folder, maskName), await encodeMask(mask));
        masks.push(maskFile);
      }
      const group = dataset.groups?.[i];
      const split = dataset.splits?.[i];
      return [
        imageName,
        maskName,
        ...(dataset.groups === undefined ? [] : [group ?? '']),
        ...(dataset.splits === undefined ? [] : [split ?? '']),
      ];
    },
    signal,
  );
  const columns = [
    'image',
    'mask',
    ...(dataset.groups === undefined ? [] : ['group']),
    ...(dataset.splits === undefined ? [] : ['split']),
  ];
  const lines = [columns, ...rows].map((row) => row.map(quoted).join(','));
  await writeFile(join(folder, 'manifest.csv'), `${lines.join('\n')}\n`);
  const classes = Object.fromEntries([...dataset.classes.entries(), [IGNORE_INDEX, 'ignore']]);
  await writeFile(join(folder, 'classes.json'), `${JSON.stringify(classes, null, 2)}\n`);
  const done = (code: string, files: readonly string[], message: string): Repair[] =>
    files.length === 0 ? [] : [{ code, count: files.length, examples: files.slice(0, 3), message }];
  return {
    linked,
    converted: images.length + masks.length,
    repairs: [
      ...done('mask-written', masks, 'Written as class indices in PNG with a palette.'),
      ...done('image-written', images, 'Written as an image of its own.'),
    ],
  };
}

const quoted = (field: string): string => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);

/** Unique paths below images/ and masks/ for ids, without characters that file systems or lists do not allow. */
function namesOf(ids: readonly string[]): string[] {
  const taken = new Set<string>();
  return ids.map((id) => {
    const parts = id
      .replace(/^images\//, '')
      .split('/')
      .map((part) => part.replace(/[^\p{L}\p{N} ._-]/gu, '_').replace(/^[.\s]+|[.\s]+$/g, ''))
      .filter((part) => part !== '');
    const base = parts.length === 0 ? 'sample' : parts.join('/');
    let name = base;
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${base}-${n}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

/** Whether sample `i` is a whole image file, not a page of a TIFF or its pages as channels. */
async function isReadWhole(dataset: Dataset, i: number): Promise<boolean> {
  const { image } = dataset.files(i);
  if (dataset.reading?.(i)?.page !== undefined) return false;
  return !isTiffName(image) || (await tiffStructure(image))?.pictures.length === 1;
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  // A hard link to a symbolic link would be broken.
  const real = await realpath(from);
  await link(real, to).catch(() => copyFile(real, to));
}

async function encoded(image: Raster): Promise<{ ending: string; bytes: Uint8Array }> {
  const { channels, data } = image;
  const png = (channels === 1 || channels === 3) && !(data instanceof Float32Array);
  return png
    ? { ending: '.png', bytes: await encodeImage(image) }
    : { ending: '.tif', bytes: encodeImageTiff(image) };
}

/** Whether a mask file is a PNG whose palette indices are the classes. */
async function isStoredSo(
  file: string,
  reading: MaskReading | undefined,
  { width, height, data }: ClassMask,
): Promise<boolean> {
  if (reading?.kind !== 'values') return false;
  const stored = await decodeStoredMask(file);
  return (
    stored.format === 'png' &&
    stored.palette !== undefined &&
    stored.alpha === undefined &&
    stored.width === width &&
    stored.height === height &&
    data.every((value, i) => value === stored.data[i])
  );
}

/** Repairs that reading the data set makes, which the copy makes permanent. */
function repairsOf(dataset: Dataset): Repair[] {
  return (dataset.findings ?? [])
    .filter(({ level, code }) => level === 'warning' || CHANGES.includes(code))
    .map(({ code, count, examples, message }) => ({
      code,
      count,
      examples,
      message: LEFT_OUT.includes(code) ? `Left out: ${message}` : message,
    }));
}
