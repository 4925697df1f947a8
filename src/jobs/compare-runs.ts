/** Compares runs on one page, including each model's predictions for the same samples (`pixelwise report A B`). */
import type { Dataset } from '../data/index.js';
import { PixelwiseError } from '../errors/index.js';
import { Segmenter } from '../inference/index.js';
import type { Column, Compared, ComparedSamples } from '../report/index.js';
import { predictSamples, readCompared, writeComparison } from '../report/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { partOfRun } from './part-of-run.js';

export interface CompareOptions {
  /** The file to write; default `comparison.html` in the working directory. */
  readonly out?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with messages for the user. */
  readonly onNote?: ((message: string) => void) | undefined;
  /** Called after every prediction. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Writes a page that compares 2 to 8 runs side by side. The first run with a gallery provides the samples, and the
 * model of every run predicts them. If its data is no longer where the run read it, the page shows the samples for
 * which all runs stored pictures instead, and says why.
 *
 * @returns the absolute path of the page.
 * @throws UsageError for fewer than 2 or more than 8 runs; PixelwiseError if a path is not a run folder;
 *   `signal.reason` once aborted.
 */
export async function compareRuns(
  paths: readonly string[],
  { out = 'comparison.html', signal, onNote, onProgress }: CompareOptions = {},
): Promise<string> {
  const compared = await readCompared(paths);
  let samples: ComparedSamples | undefined;
  let why: string | undefined;
  try {
    samples = await predictGallery(compared, signal, onProgress);
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof PixelwiseError)) throw error;
    why = `New predictions could not be made: ${sentence(error.message)}`;
    onNote?.(why);
  }
  return writeComparison(compared, { out, samples, why });
}

/**
 * Predicts the samples of the first gallery with the model of every run; undefined if no run has a gallery.
 *
 * @throws PixelwiseError if the data of that run cannot be read.
 */
async function predictGallery(
  compared: Compared,
  signal: AbortSignal | undefined,
  onProgress: CompareOptions['onProgress'],
): Promise<ComparedSamples | undefined> {
  const source = compared.columns.findIndex(({ run }) => run.gallery && run.gallery.items.length > 0);
  if (source < 0) return undefined;
  const { run } = compared.columns[source]!;
  const { config, gallery } = run;
  const part = partNamed(gallery!.part);
  const dataset: Dataset = await partOfRun(run.path, config, config.data.path, part);
  /** Ids of the samples of this data set that another run trained on. */
  const trainingIds = async ({ run: other }: Column): Promise<ReadonlySet<string>> => {
    const { data } = other.config;
    if (data.path !== config.data.path) return new Set();
    if (data.fingerprint === config.data.fingerprint) return new Set(part === 'train' ? dataset.ids : []);
    return new Set((await partOfRun(other.path, other.config, data.path, 'train')).ids);
  };
  const runtime = await createNodeRuntime({ device: 'cpu', training: false });
  try {
    const load = ({ run: { path } }: Column) => Segmenter.load(path, { runtime });
    return await predictSamples(compared, { source, dataset, load, trainingIds, signal, onProgress });
  } finally {
    await runtime.close();
  }
}

function partNamed(part: string): 'train' | 'valid' | 'test' {
  if (part === 'train' || part === 'valid' || part === 'test') return part;
  throw new PixelwiseError(
    'report',
    `the gallery shows the part "${part}", which the run's data does not have.`,
  );
}

function sentence(words: string): string {
  return /[.!?]$/.test(words) ? words : `${words}.`;
}
