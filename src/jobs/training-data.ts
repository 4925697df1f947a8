/** The data of a run: opened, split into parts, and a few of its pairs looked at. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Dataset, DoctorReport, FormatName, OpenOptions, Part, Parts, Problem } from '../data/index.js';
import {
  Conformed,
  examine,
  FORMAT_NAMES,
  haveColours,
  openDataset,
  readIdList,
  recogniseFormat,
  splitDataset,
} from '../data/index.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { NamedTrainOptions } from './train-options.js';

export interface TrainingData {
  /** How it was opened. */
  readonly source: OpenOptions;
  /** All of it. */
  readonly dataset: Dataset;
  readonly parts: Parts;
  /** SHA-256 over the ids of all parts. */
  readonly fingerprint: string;
}

/** Opens the data and splits it: the same options give the same parts, at the start of a run and ever after. */
export async function openTrainingData(given: NamedTrainOptions): Promise<TrainingData> {
  const source: OpenOptions = {
    root: given.data,
    format: given.format,
    classes: given.classes,
    target: given.target,
    resizeMasks: given.resizeMasks,
    strict: given.strict,
    pages: given.pages,
    images: given.images,
    masks: given.masks,
    group: given.group === undefined ? undefined : pattern(given.group),
  };
  const dataset = given.objects?.data ?? (await openDataset(source));
  const parts = splitDataset(dataset, {
    valid: await partOf(given.val, dataset, source),
    test: await partOf(given.test, dataset, source),
    seed: given.seed ?? 0,
  });
  return { source, dataset, parts, fingerprint: fingerprintOf(parts) };
}

/** Pairs that are looked at before a run. */
const EXAMINED_PAIRS = 48;
/** Warnings that are told one by one. */
const WARNINGS_TOLD = 5;

/** The cheap part of `doctor`. @throws PixelwiseError for what would spoil the run. */
export async function examined({ source, dataset }: TrainingData): Promise<DoctorReport | undefined> {
  // Files are examined, not objects.
  if (formatNamed(dataset) === undefined) return undefined;
  const format = formatNamed(dataset);
  const report = await examine({ ...source, format, opened: dataset, sample: EXAMINED_PAIRS });
  const error = report.problems.find(({ level, code }) => level === 'error' && code !== 'split');
  if (error) throw new PixelwiseError(error.code, textOf(error));
  return report;
}

/** What a person should know of it. */
export function warningsOf({ problems, ignored }: DoctorReport): string[] {
  const told = problems.slice(0, WARNINGS_TOLD).map(textOf);
  const more = problems.length - told.length;
  const share = ignored.share > 0 ? [`${(100 * ignored.share).toFixed(2)}% of the pixels are ignored.`] : [];
  return [...share, ...told, ...(more > 0 ? [`… and ${more} more warnings: see pixelwise doctor.`] : [])];
}

/** One line of a problem: the file, or how many there are and the first. */
function textOf({ count, examples, message, fix }: Problem): string {
  const [first = ''] = examples;
  const more = count > 1 ? ` (and ${count - 1} more)` : '';
  return `${first}${more}${first === '' ? '' : ': '}${message}${fix === '' ? '' : ` ${fix}`}`;
}

/** Files that `--data` takes are data sets; any other file lists ids. */
const DATA_FILE = /\.(csv|jsonl|json)$/i;

/** What a part's option means: a share, another data set read like the training data, a list of ids, or a name. */
async function partOf(
  value: number | string | undefined,
  dataset: Dataset,
  source: OpenOptions,
): Promise<Part | undefined> {
  if (value === undefined || typeof value === 'number') return value;
  const entry = await stat(value).catch(() => undefined);
  if (!entry) return { split: value };
  if (!entry.isDirectory() && !DATA_FILE.test(value)) return { ids: await readIdList(value) };
  const root = resolve(value);
  const format = source.format ?? (await recogniseFormat(root, formatNamed(dataset)));
  const part = await openDataset({
    ...source,
    root,
    format,
    // Given colours hold for all parts.
    classes: haveColours(source.classes) ? source.classes : [...dataset.classes],
    maskValues: dataset.maskValues,
    // What the other formats would refuse: they have groups, or targets, of their own.
    ...(source.format === undefined && format !== 'folder' && { group: undefined }),
    ...(source.format === undefined && format !== 'oxford-pets' && { target: undefined }),
    ...(format !== 'folder' && { images: undefined, masks: undefined }),
  });
  const { channels, maxValue } = dataset;
  const alike = part.channels === channels && part.maxValue === maxValue;
  return { dataset: alike ? part : new Conformed(part, { channels, maxValue }) };
}

function formatNamed({ format }: Dataset): FormatName | undefined {
  return FORMAT_NAMES.find((name) => name === format);
}

/** A part's option as it means the same from any folder: paths that are there become absolute. */
export async function lasting(value: number | string | undefined): Promise<number | string | undefined> {
  if (typeof value !== 'string') return value;
  return stat(value).then(
    () => resolve(value),
    () => value,
  );
}

function pattern(source: string): RegExp {
  try {
    return new RegExp(source, 'u');
  } catch (error) {
    throw new UsageError(
      `--group "${source}" is no pattern (${error instanceof Error ? error.message : ''}): write one as '^([^_]+)_'`,
      { cause: error },
    );
  }
}

function fingerprintOf({ train, valid, test }: Parts): string {
  const hash = createHash('sha256');
  for (const [name, part] of Object.entries({ train, valid, test }))
    hash.update(`${name}\n${part?.ids.join('\n') ?? ''}\n`);
  return hash.digest('hex');
}
