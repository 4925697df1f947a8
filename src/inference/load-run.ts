/** From a run folder to a model that can be used: its configuration, and the weights of one checkpoint. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { classColours } from '../images/palette.js';
import type { Layer, NamedArray } from '../nn/index.js';
import type { EpochRecord, RunConfig } from '../training/index.js';
import { modelOfRun, readCheckpointWeights, readRunConfig, RunFolder } from '../training/index.js';
import type { ModelCard } from './model-card.js';

/** Which checkpoint of a run: the best, the last, or that of an epoch. */
export type CheckpointChoice = 'best' | 'last' | number;

export interface LoadedRun {
  readonly card: ModelCard;
  readonly model: Layer;
  readonly weights: readonly NamedArray[];
  readonly config: RunConfig;
  /** The checkpoint's folder. */
  readonly checkpoint: string;
}

/**
 * Reads a run.
 * @param checkpoint default `best`. @throws PixelwiseError `run` or `checkpoint` naming what is missing or
 *   damaged.
 */
export async function loadRun(path: string, checkpoint: CheckpointChoice = 'best'): Promise<LoadedRun> {
  if (typeof checkpoint === 'number' && !Number.isInteger(checkpoint)) {
    throw new UsageError(`The checkpoint is ${checkpoint}; it is best, last, or the number of an epoch.`);
  }
  const folder = new RunFolder(path);
  const config = await readRunConfig(folder);
  const chosen = await folder.checkpointFolder(checkpoint);
  const weights = await readCheckpointWeights(chosen);
  const model = await modelOfRun(folder, config);
  const scores = await scoresOf(folder, basename(chosen));
  const card = { ...cardOf(config), ...(scores && { scores }) };
  return { card, model, weights, config, checkpoint: chosen };
}

/** What a run's configuration says about its model. */
export function cardOf(config: RunConfig): ModelCard {
  const { model, classes, channels, size, normalization, threshold, training } = config;
  return {
    model,
    classes,
    channels,
    maxValue: config.maxValue === 255 || config.maxValue === 1 ? config.maxValue : 65535,
    height: size.height,
    width: size.width,
    normalization,
    palette: classColours(classes),
    ...(classes.length === 2 && { threshold }),
    loss: training.loss,
    ...(training.lossSettings && { lossSettings: training.lossSettings }),
  };
}

/** What the epoch of a checkpoint reached, as metrics.jsonl has it; undefined for one within an epoch. */
async function scoresOf(folder: RunFolder, checkpoint: string): Promise<ModelCard['scores'] | undefined> {
  const text = await readFile(folder.metricsPath, 'utf8').catch(() => '');
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    let record: EpochRecord;
    try {
      record = JSON.parse(line) as EpochRecord;
    } catch (cause) {
      throw new PixelwiseError('run', `${folder.metricsPath}: line ${i + 1} is damaged; delete the line.`, {
        cause,
      });
    }
    if (String(record.epoch) !== checkpoint) continue;
    const { samples, loss, pixelAccuracy, meanIoU, meanDice, dice } = record.valid ?? record.train;
    return {
      part: record.valid ? 'valid' : 'train',
      scoredAt: 'model',
      epoch: record.epoch,
      samples,
      ...(loss !== undefined && { loss }),
      pixelAccuracy,
      meanIoU,
      meanDice,
      ...(dice !== undefined && { dice }),
    };
  }
  return undefined;
}
