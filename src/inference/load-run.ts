/** From a run folder to a model that can be used: its configuration, and the weights of one checkpoint. */
import { UsageError } from '../errors/index.js';
import { classColour } from '../images/palette.js';
import { createModel } from '../models/index.js';
import type { Layer, NamedArray } from '../nn/index.js';
import type { RunConfig } from '../training/index.js';
import { readCheckpointWeights, readRunConfig, RunFolder } from '../training/index.js';
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
  const { channels, classes } = config;
  const model = createModel(config.model.name, {
    ...config.model.options,
    channels,
    classes: classes.length,
  });
  return { card: cardOf(config), model, weights, config, checkpoint: chosen };
}

/** What a run's configuration says about its model. */
export function cardOf(config: RunConfig): ModelCard {
  const { model, classes, channels, size, normalization, threshold, training } = config;
  return {
    model,
    classes,
    channels,
    maxValue: config.maxValue === 255 ? 255 : 65535,
    height: size.height,
    width: size.width,
    normalization,
    palette: classes.map((_, index) => classColour(index)),
    ...(classes.length === 2 && { threshold }),
    loss: training.loss,
  };
}
