/** Restores the training, validation or test part of an earlier run from its configuration. */
import type { Dataset, PartIds } from '../data/index.js';
import { Subset } from '../data/index.js';
import { PixelwiseError } from '../errors/index.js';
import type { RunConfig } from '../training/index.js';
import { idsOf, readRunSamples, RunFolder } from '../training/index.js';
import type { TrainSettings } from './train-options.js';
import { openTrainingData } from './training-data.js';

/**
 * Opens a part of a run's data: the samples that the run lists, or, for a run of an earlier version, those that its
 * settings split again.
 *
 * @param source name of the run, for messages.
 * @param data current path of the data, which may have more samples than when the run was trained.
 * @throws PixelwiseError `split` if the run has no such part, or its samples are not in the data any more.
 */
export async function partOfRun(
  source: string,
  config: RunConfig,
  data: string,
  name: 'train' | 'valid' | 'test',
): Promise<Dataset> {
  const known = await readRunSamples(new RunFolder(source));
  const { parts, fingerprint } = await openTrainingData(
    { ...(config.options as TrainSettings), data },
    { known, layout: config },
  );
  const part = parts[name];
  const listed = new Set(known?.[name]);
  if (known ? listed.size === 0 : !part) {
    throw new PixelwiseError(
      'split',
      `${source} has no ${name} part. Train with --${name === 'valid' ? 'val' : name} to have one.`,
    );
  }
  const indices = known && part ? [...part.ids.keys()].filter((i) => listed.has(part.ids[i]!)) : [];
  if (known ? indices.length < listed.size : fingerprint !== config.data.fingerprint) {
    throw new PixelwiseError(
      'split',
      `${data} has changed since ${source} was trained on it: its parts cannot be restored. Evaluate another data set, or all of this one.`,
    );
  }
  return known && indices.length < part!.length ? new Subset(part!, indices) : part!;
}

/** The samples of a run's parts; undefined if the run does not list them and its data is gone or has changed. */
export async function samplesOfRun(folder: RunFolder, config: RunConfig): Promise<PartIds | undefined> {
  const listed = await readRunSamples(folder);
  if (listed) return listed;
  try {
    const { parts, fingerprint } = await openTrainingData({
      ...(config.options as TrainSettings),
      data: config.data.path,
    });
    return fingerprint === config.data.fingerprint ? idsOf(parts) : undefined;
  } catch (error) {
    if (error instanceof PixelwiseError) return undefined;
    throw error;
  }
}
