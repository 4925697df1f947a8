/** Restores the training, validation or test part of an earlier run from its configuration. */
import type { Dataset } from '../data/index.js';
import { PixelwiseError } from '../errors/index.js';
import type { RunConfig } from '../training/index.js';
import type { TrainSettings } from './train-options.js';
import { openTrainingData } from './training-data.js';

/**
 * Opens a part of a run's data by splitting the data again with the settings of the run.
 *
 * @param source name of the run, for messages.
 * @param data path of the data now.
 * @throws PixelwiseError `split` if the run has no such part, or the data has changed.
 */
export async function partOfRun(
  source: string,
  config: RunConfig,
  data: string,
  name: 'train' | 'valid' | 'test',
): Promise<Dataset> {
  const { parts, fingerprint } = await openTrainingData({ ...(config.options as TrainSettings), data });
  if (fingerprint !== config.data.fingerprint) {
    throw new PixelwiseError(
      'split',
      `${data} has changed since ${source} was trained on it: its parts cannot be restored. Evaluate another data set, or all of this one.`,
    );
  }
  const part = parts[name];
  if (!part)
    throw new PixelwiseError(
      'split',
      `${source} has no ${name} part. Train with --${name === 'valid' ? 'val' : name} to have one.`,
    );
  return part;
}
