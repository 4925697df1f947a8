/** Which samples `--split` means: an official part of the data, or one that a run set aside. */
import { resolve } from 'node:path';
import { namedPart, type Dataset } from '../data/index.js';
import { PixelwiseError } from '../errors/index.js';
import type { TrainSettings } from '../jobs/index.js';
import { openTrainingData } from '../jobs/training-data.js';
import type { RunConfig } from '../training/index.js';
import { configOfRun } from './data-to-score.js';

export interface PartToScore {
  readonly part: Dataset;
  /** What a person should know about scores on it. */
  readonly note?: string;
}

/** Names of the parts that every run has in mind, set aside by it or by the data. */
const RUN_PARTS = {
  train: 'train',
  training: 'train',
  val: 'valid',
  valid: 'valid',
  validation: 'valid',
  test: 'test',
} as const;

/**
 * The part to score.
 *
 * @param source the run folder or model file that is scored. @param split as `--split` has it.
 * @throws PixelwiseError `split` where there is no such part.
 */
export async function partToScore(
  source: string,
  dataset: Dataset,
  data: string,
  split: string | undefined,
): Promise<PartToScore> {
  const config = await configOfRun(source);
  const trainedOnThis = config !== undefined && config.data.path === resolve(data);
  if (split === undefined || split === 'all') {
    const seen = trainedOnThis
      ? `${source} was trained on a part of ${data}: these scores flatter it. Give --split valid or test for what it was not trained on.`
      : undefined;
    return { part: dataset, ...(seen !== undefined && { note: seen }) };
  }
  const name = Object.hasOwn(RUN_PARTS, split) ? RUN_PARTS[split as keyof typeof RUN_PARTS] : undefined;
  if (!trainedOnThis || name === undefined || dataset.splits?.includes(name)) {
    return { part: namedPart(dataset, split) };
  }
  return { part: await partOfRun(source, config, data, name) };
}

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
