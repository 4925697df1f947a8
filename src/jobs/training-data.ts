/** Opens the data of a run, splits it into parts and examines some of its pairs. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type {
  Dataset,
  DoctorReport,
  FormatName,
  OpenOptions,
  Part,
  PartIds,
  Parts,
  Problem,
} from '../data/index.js';
import {
  asObjects,
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
  /** The options that the data was opened with. */
  readonly source: OpenOptions;
  /** All samples. */
  readonly dataset: Dataset;
  readonly parts: Parts;
  /** SHA-256 over the ids of all parts. */
  readonly fingerprint: string;
  readonly task: 'classes' | 'objects';
}

/** What an earlier run determined about the data. */
export interface EarlierData {
  /** Samples that stay in their parts. */
  readonly known?: PartIds | undefined;
  /** Channels and largest value of the images that the model takes. */
  readonly layout?: { readonly channels: number; readonly maxValue: number } | undefined;
  /** Whether the task may be chosen by the data, if it is not given. Default false. */
  readonly choosing?: boolean;
}

/** Opens the data and splits it. The same arguments always give the same parts. */
export async function openTrainingData(
  given: NamedTrainOptions,
  { known, layout, choosing = false }: EarlierData = {},
): Promise<TrainingData> {
  const source: OpenOptions = {
    root: given.data,
    format: given.format,
    classes: given.classes,
    target: given.target,
    multiLabel: given.multiLabel,
    resizeMasks: given.resizeMasks,
    strict: given.strict,
    pages: given.pages,
    images: given.images,
    masks: given.masks,
    group: given.group === undefined ? undefined : pattern(given.group),
  };
  const opened = given.objects?.data ?? (await openDataset(source));
  const task =
    given.task ?? (choosing && opened.hasObjects && !speaksOfClasses(given) ? 'objects' : 'classes');
  const laid = layout ? likeLayout(opened, layout) : opened;
  const dataset = task === 'objects' ? asObjects(laid, given.data) : laid;
  const parts = splitDataset(dataset, {
    valid: await partOf(given.val, dataset, source),
    test: await partOf(given.test, dataset, source),
    seed: given.seed ?? 0,
    known,
  });
  return { source, dataset, parts, fingerprint: fingerprintOf(parts), task };
}

/** Whether a setting is given that only makes sense for the classes of pixels, or belongs to an earlier run. */
function speaksOfClasses(given: NamedTrainOptions): boolean {
  const { loss, classWeights, monitor, threshold, maskInterpolation, recipe, init, objects } = given;
  return (
    [loss, classWeights, monitor, recipe, init, objects?.model, objects?.loss].some(
      (one) => one !== undefined,
    ) ||
    (threshold !== undefined && threshold !== 0.5) ||
    maskInterpolation === 'as-image'
  );
}

/** Number of pairs to examine before a run. */
const EXAMINED_PAIRS = 48;
/** Number of warnings to print. The rest is only counted. */
const MAX_WARNINGS = 5;

/** Runs the quick checks of `doctor`. @throws PixelwiseError for a problem that would make the run useless. */
export async function examined({ source, dataset }: TrainingData): Promise<DoctorReport | undefined> {
  // Only files can be examined, not data sets given as objects.
  if (formatNamed(dataset) === undefined) return undefined;
  const format = formatNamed(dataset);
  const report = await examine({ ...source, format, opened: dataset, sample: EXAMINED_PAIRS });
  const error = report.problems.find(({ level, code }) => level === 'error' && code !== 'split');
  if (error) throw new PixelwiseError(error.code, textOf(error));
  return report;
}

/** Warnings of a report as messages for the user. */
export function warningsOf({ problems, ignored }: DoctorReport): string[] {
  const shown = problems.slice(0, MAX_WARNINGS).map(textOf);
  const more = problems.length - shown.length;
  const share = ignored.share > 0 ? [`${(100 * ignored.share).toFixed(2)}% of the pixels are ignored.`] : [];
  return [...share, ...shown, ...(more > 0 ? [`… and ${more} more warnings: see pixelwise doctor.`] : [])];
}

/** A problem as one line: the first file, how many more there are, and the message. */
function textOf({ count, examples, message, fix }: Problem): string {
  const [first = ''] = examples;
  const more = count > 1 ? ` (and ${count - 1} more)` : '';
  return `${first}${more}${first === '' ? '' : ': '}${message}${fix === '' ? '' : ` ${fix}`}`;
}

/** Files that `--data` accepts. In `--val` and `--test`, any other file is a list of ids. */
const DATA_FILE = /\.(csv|jsonl|json)$/i;

/**
 * Interprets the value of `--val` or `--test`: a share, the path of another data set (read with the same options as the
 * training data), the path of a list of ids, or the name of an official part.
 */
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
    // Omit options that the format of this part does not accept.
    ...(source.format === undefined && format !== 'folder' && { group: undefined }),
    ...(source.format === undefined && format !== 'oxford-pets' && { target: undefined }),
    ...(format !== 'folder' && { images: undefined, masks: undefined }),
  });
  const laid = likeLayout(part, dataset);
  return { dataset: dataset.tellsObjects ? asObjects(laid, root) : laid };
}

function likeLayout(
  dataset: Dataset,
  { channels, maxValue }: Pick<Dataset, 'channels' | 'maxValue'>,
): Dataset {
  const alike = dataset.channels === channels && dataset.maxValue === maxValue;
  return alike ? dataset : new Conformed(dataset, { channels, maxValue });
}

function formatNamed({ format }: Dataset): FormatName | undefined {
  return FORMAT_NAMES.find((name) => name === format);
}

/** Makes the value of `--val` or `--test` independent of the working directory: existing paths become absolute. */
export async function withAbsolutePath(
  value: number | string | undefined,
): Promise<number | string | undefined> {
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
      `--group "${source}" is not a regular expression (${error instanceof Error ? error.message : ''}): write one as '^([^_]+)_'`,
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
