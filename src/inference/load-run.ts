/** From a run folder to a model that can be used: its configuration, and the graph and weights of a checkpoint. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { PORTABLE } from '../graph/index.js';
import { classColours } from '../images/palette.js';
import { hasModel } from '../models/index.js';
import type { OnnxGraph } from '../onnx/index.js';
import type { EpochRecord, RunConfig } from '../training/index.js';
import {
  modelOfRun,
  readCheckpointFile,
  readCheckpointGraph,
  readRunConfig,
  RunFolder,
} from '../training/index.js';
import { floatTensors } from '../weights/index.js';
import type { ExportOptions } from './export-graph.js';
import { coreGraph } from './export-graph.js';
import type { ModelCard } from './model-card.js';

/** Which checkpoint of a run: the best, the last, or that of an epoch. */
export type CheckpointChoice = 'best' | 'last' | number;

export interface LoadedRun {
  readonly card: ModelCard;
  /** The model with its weights, from normalised images to logits. */
  readonly graph: OnnxGraph;
  readonly config: RunConfig;
  /** The checkpoint's folder. */
  readonly checkpoint: string;
}

/**
 * Reads a run. The graph is the one in the checkpoint, so the code of the model is not needed. It is made from
 * the registry instead for checkpoints of versions that stored none, for more than one image at once, and for
 * a device that registered models are written differently for.
 *
 * @param checkpoint default `best`. @throws PixelwiseError `run` or `checkpoint` naming what is missing or
 *   damaged.
 */
export async function loadRun(
  path: string,
  checkpoint: CheckpointChoice = 'best',
  { batch = 1, bare = false, target = PORTABLE }: Pick<ExportOptions, 'batch' | 'bare' | 'target'> = {},
): Promise<LoadedRun> {
  if (typeof checkpoint === 'number' && !Number.isInteger(checkpoint)) {
    throw new UsageError(`The checkpoint is ${checkpoint}; it is best, last, or the number of an epoch.`);
  }
  const folder = new RunFolder(path);
  const config = await readRunConfig(folder);
  const chosen = await folder.checkpointFolder(checkpoint);
  const scores = await scoresOf(folder, basename(chosen));
  const card = { ...cardOf(config), ...(scores && { scores }) };
  const weights = await readCheckpointFile(chosen);
  const stored = await readCheckpointGraph(chosen, weights);
  const registered = hasModel(config.model.name);
  if (stored && batch === 1 && (target === PORTABLE || !registered)) {
    checkSize(stored, card, chosen);
    return { card, graph: stored, config, checkpoint: chosen };
  }
  const model = await modelOfRun(folder, config);
  const graph = coreGraph(model, floatTensors(weights), card, { batch, bare, target });
  return { card, graph, config, checkpoint: chosen };
}

/** Throws unless the graph takes images of the card's size. */
function checkSize({ inputs }: OnnxGraph, { channels, height, width }: ModelCard, checkpoint: string): void {
  const wanted = [1, channels, height, width].join('×');
  const given = inputs[0]?.dims?.join('×');
  if (given === wanted) return;
  throw new PixelwiseError(
    'checkpoint',
    `The graph in ${checkpoint} takes images of ${given ?? 'no shape'}, and config.json of the run says ${wanted}: restore the one that was changed.`,
  );
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
    // A loss of one's own is known by its name alone.
    ...(!training.custom?.includes('loss') && { loss: training.loss }),
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
