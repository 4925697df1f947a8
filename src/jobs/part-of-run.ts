/** The parts of its data that a run set aside, told again from its configuration. */
import type { Dataset } from '../data/index.js';
import { PixelwiseError } from '../errors/index.js';
import type { RunConfig } from '../training/index.js';
import type { TrainSettings } from './train-options.js';
import { openTrainingData } from './training-data.js';

/**
 * A part as a run set it aside: its own settings draw it again.
 *
 * @param source names the run. @param data where its data lies now.
 * @throws PixelwiseError `split` where there is no such part, or the data has changed.
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
      `${data} has changed since ${source} was trained on it: its parts cannot be told any more. Score another data set, or all of this one.`,
    );
  }
  const part = parts[name];
  if (!part)
    throw new PixelwiseError(
      'split',
      `${source} set no ${name} part aside. Train with --${name === 'valid' ? 'val' : name} to have one.`,
    );
  return part;
}
