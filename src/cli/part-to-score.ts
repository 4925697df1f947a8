/** Which samples `--split` means: an official part of the data, or one that a run set aside. */
import { resolve } from 'node:path';
import { namedPart, type Dataset } from '../data/index.js';
import { PixelwiseError } from '../errors/index.js';
import { partOfRun } from '../jobs/part-of-run.js';
import { configOfRun } from './data-to-score.js';

export interface PartToScore {
  readonly part: Dataset;
  /** A note for the user about scores on it. */
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
 * @param sources the run folders or model files that are scored, together if there are several. @param split as
 *   `--split` has it.
 * @throws PixelwiseError `split` where there is no such part, or the runs held out different ones.
 */
export async function partToScore(
  sources: readonly string[],
  dataset: Dataset,
  data: string,
  split: string | undefined,
): Promise<PartToScore> {
  const [first, ...others] = sources as [string, ...string[]];
  const { part, note } = await partOf(first, dataset, data, split);
  const notes = [note];
  const ids = new Set(part.ids);
  for (const source of others) {
    const other = await partOf(source, dataset, data, split);
    notes.push(other.note);
    if (other.part.length === part.length && other.part.ids.every((id) => ids.has(id))) continue;
    throw new PixelwiseError(
      'split',
      `${first} and ${source} held out different samples as ${split}, so each was trained on some of the other's. Score them together on a part that all of them held out (--split test), or one by one.`,
    );
  }
  const told = notes.find((each) => each !== undefined);
  return { part, ...(told !== undefined && { note: told }) };
}

async function partOf(
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
