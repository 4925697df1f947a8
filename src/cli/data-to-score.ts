/** Data opened to be scored: read as the run that is scored read its own, unless options say otherwise. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  examine,
  FORMAT_NAMES,
  haveColours,
  openDataset,
  recogniseFormat,
  type Dataset,
} from '../data/index.js';
import { PixelwiseError } from '../errors/index.js';
import {
  dataReading,
  readRunConfig,
  RunFolder,
  type DataReading,
  type RunConfig,
} from '../training/index.js';
import type { OptionsOf } from './options.js';

export type ReadingOptions = Pick<
  OptionsOf<'evaluate'>,
  | 'data'
  | 'format'
  | 'target'
  | 'classes'
  | 'group'
  | 'multiLabel'
  | 'resizeMasks'
  | 'strict'
  | 'pages'
  | 'images'
  | 'masks'
>;

/** The configuration of the run at `source`; undefined for a model file. */
export async function configOfRun(source: string): Promise<RunConfig | undefined> {
  const isFolder = await stat(source).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  return isFolder ? readRunConfig(new RunFolder(source)) : undefined;
}

/**
 * The data set.
 *
 * @param source the run folder or model file that is scored. @param known the model's classes: the masks of a
 *   few images may lack some, so a folder's are these.
 */
export async function dataToScore(
  source: string,
  options: ReadingOptions,
  known: readonly string[],
): Promise<Dataset> {
  const config = await configOfRun(source);
  const run: DataReading = config === undefined ? {} : dataReading(config, new RunFolder(source));
  const root = options.data;
  const byGlobs = options.images !== undefined;
  const format = options.format ?? (byGlobs ? 'folder' : await formatOf(root, config, run));
  const alike = format === config?.data.format;
  const own = config?.data.path === resolve(root);
  // Colours that the run was given hold for other masks of its format too.
  const coloured = alike && haveColours(run.classes);
  const group = options.group ?? (format === 'folder' ? run.group : undefined);
  return openDataset({
    root,
    format,
    target: options.target ?? (format === 'oxford-pets' ? run.target : undefined),
    multiLabel: options.multiLabel ?? run.multiLabel,
    resizeMasks: options.resizeMasks ?? run.resizeMasks,
    strict: options.strict ?? run.strict,
    pages: options.pages ?? run.pages,
    images: options.images ?? (own ? run.images : undefined),
    masks: options.masks ?? (own ? run.masks : undefined),
    maskValues: run.maskValues,
    classes: options.classes ?? (format === 'folder' && !coloured ? known : alike ? run.classes : undefined),
    group: group === undefined ? undefined : new RegExp(group, 'u'),
  });
}

/** The run's own data is of the run's format; other data is where its files allow it. */
async function formatOf(root: string, config: RunConfig | undefined, { format }: DataReading) {
  if (format !== undefined && config?.data.path === resolve(root)) return format;
  return recogniseFormat(root, format);
}

/** Pairs looked at before a data set is scored. */
const EXAMINED_PAIRS = 24;

/** Throws where one class, or ignored pixels, make up everything: any score on such data would mean nothing. */
export async function refuseOneClass(dataset: Dataset, root: string): Promise<void> {
  const format = FORMAT_NAMES.find((name) => name === dataset.format);
  const { problems } = await examine({ root, format, opened: dataset, sample: EXAMINED_PAIRS });
  const found = problems.find(({ code }) => code === 'one-class' || code === 'all-ignored');
  if (found) throw new PixelwiseError(found.code, `${root}: ${found.message} ${found.fix}`);
}
