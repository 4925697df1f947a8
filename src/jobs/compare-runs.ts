/** The comparison of runs, with the samples of one under the model of each: what `pixelwise report A B` does. */
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
  /** Is told what a person should know. */
  readonly onNote?: ((message: string) => void) | undefined;
  /** Called after every prediction. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Writes a page that puts 2 to 8 runs side by side. Samples of the first gallery among them are predicted by the
 * model of every run, where the data lies where it was learnt from; else those are shown that the runs kept
 * pictures of in common, and the page says why.
 *
 * @returns the page's absolute path. @throws UsageError for another number of runs, PixelwiseError where a path is
 *   no run folder, and `signal.reason` once aborted.
 */
export async function compareRuns(
  paths: readonly string[],
  { out = 'comparison.html', signal, onNote, onProgress }: CompareOptions = {},
): Promise<string> {
  const compared = await readCompared(paths);
  let samples: ComparedSamples | undefined;
  let why: string | undefined;
  try {
    samples = await predicted(compared, signal, onProgress);
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof PixelwiseError)) throw error;
    why = `Samples could not be predicted anew: ${sentence(error.message)}`;
    onNote?.(why);
  }
  return writeComparison(compared, { out, samples, why });
}

/** Undefined where no run has a gallery. @throws PixelwiseError where its data is not at hand. */
async function predicted(
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
  const learnt = async ({ run: other }: Column): Promise<ReadonlySet<string>> => {
    const { data } = other.config;
    if (data.path !== config.data.path) return new Set();
    if (data.fingerprint === config.data.fingerprint) return new Set(part === 'train' ? dataset.ids : []);
    return new Set((await partOfRun(other.path, other.config, data.path, 'train')).ids);
  };
  const runtime = await createNodeRuntime({ device: 'cpu', training: false });
  try {
    const load = ({ run: { path } }: Column) => Segmenter.load(path, { runtime });
    return await predictSamples(compared, { source, dataset, load, learnt, signal, onProgress });
  } finally {
    await runtime.close();
  }
}

function partNamed(part: string): 'train' | 'valid' | 'test' {
  if (part === 'train' || part === 'valid' || part === 'test') return part;
  throw new PixelwiseError('report', `the gallery is of "${part}", which is no part of the run's data.`);
}

function sentence(words: string): string {
  return /[.!?]$/.test(words) ? words : `${words}.`;
}
