/** Loads a run folder for inference: its configuration, and the graph and weights of a checkpoint. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { PORTABLE } from '../graph/index.js';
import { maskLook } from '../images/palette.js';
import { isBinary } from '../labels/label-set.js';
import { hasModel } from '../models/index.js';
import { checkFinite } from '../nn/state-dict.js';
import type { OnnxGraph } from '../onnx/index.js';
import { CheckpointFiles } from '../training/checkpoint-files.js';
import { readCheckpointGraph } from '../training/checkpoint-graph.js';
import { readCheckpointFile, readCheckpointRecord } from '../training/checkpoint.js';
import type { EpochRecord, RunConfig } from '../training/index.js';
import { readRunConfig } from '../training/run-config.js';
import { RunFolder } from '../training/run-folder.js';
import { modelOfRun } from '../training/run-model.js';
import { leftInFile } from '../weights/file-constants.js';
import { floatTensors } from '../weights/tensor.js';
import type { ExportOptions } from './export-graph.js';
import { coreGraph } from './export-graph.js';
import type { ModelCard } from './model-card.js';

/** Selects a checkpoint of a run: the best, the last, or the one of an epoch. */
export type CheckpointChoice = 'best' | 'last' | number;

export interface LoadedRun {
  readonly card: ModelCard;
  /** The model with its weights: normalised images in, logits out. */
  readonly graph: OnnxGraph;
  readonly config: RunConfig;
  /** The checkpoint's folder. */
  readonly checkpoint: string;
  /** Notes for the user about the files. */
  readonly notes: readonly string[];
}

/**
 * Reads a run. The graph is normally read from the checkpoint, so the code of the model is not needed. It is created
 * from the registry instead if the checkpoint is from a version that stored no graph, if the batch is larger than
 * one, or if the device needs a different graph.
 *
 * @param checkpoint default `best`. @throws PixelwiseError `run` or `checkpoint` for missing or damaged files;
 *   `non-finite` for weights that are not finite.
 */
export async function loadRun(
  path: string,
  checkpoint: CheckpointChoice = 'best',
  {
    batch = 1,
    bare = false,
    target = PORTABLE,
    constantsInFile = false,
  }: Pick<ExportOptions, 'batch' | 'bare' | 'target'> & { readonly constantsInFile?: boolean } = {},
): Promise<LoadedRun> {
  if (typeof checkpoint === 'number' && !Number.isInteger(checkpoint)) {
    throw new UsageError(`checkpoint must be best, last or the number of an epoch; got ${checkpoint}.`);
  }
  const folder = new RunFolder(path);
  const config = await readRunConfig(folder);
  const chosen = await folder.checkpointFolder(checkpoint);
  const files = await CheckpointFiles.open(chosen);
  const scores = await scoresOf(folder, files);
  const card = { ...cardOf(config), ...(scores && { scores }) };
  const weights = await readCheckpointFile(files);
  checkFinite(floatTensors(weights), weights.source);
  const notes = files.verified ? [] : [unverifiedNote(chosen)];
  const stored = await readCheckpointGraph(files, weights);
  const registered = hasModel(config.model.name);
  if (stored && batch === 1 && (target === PORTABLE || !registered)) {
    checkSize(stored, card, chosen);
    const initializers = constantsInFile
      ? leftInFile(stored.initializers, weights.source, weights.bytes)
      : stored.initializers;
    return { card, graph: { ...stored, initializers }, config, checkpoint: chosen, notes };
  }
  const model = await modelOfRun(folder, config);
  const graph = coreGraph(model, floatTensors(weights), card, { batch, bare, target });
  return { card, graph, config, checkpoint: chosen, notes };
}

/** For a checkpoint that was written before there were checksums. */
export const unverifiedNote = (checkpoint: string): string =>
  `${checkpoint} was written by an earlier version, without checksums: damage to its files would not be noticed.`;

/** Throws unless the graph accepts images of the card's size. */
function checkSize({ inputs }: OnnxGraph, { channels, height, width }: ModelCard, checkpoint: string): void {
  const wanted = [1, channels, height, width].join('×');
  const given = inputs[0]?.dims?.join('×');
  if (given === wanted) return;
  throw new PixelwiseError(
    'checkpoint',
    `The graph in ${checkpoint} takes images of ${given ?? 'unknown shape'}, but config.json of the run says ${wanted}. Restore the file that was changed.`,
  );
}

/** Makes a model card from a run's configuration. */
export function cardOf(config: RunConfig): ModelCard {
  const { model, classes, multiLabel, objects, channels, size, patch, normalization, threshold, training } =
    config;
  return {
    model,
    classes,
    ...(multiLabel && { multiLabel }),
    ...(objects && { objects }),
    channels,
    maxValue: config.maxValue === 255 || config.maxValue === 1 ? config.maxValue : 65535,
    height: size.height,
    width: size.width,
    ...(patch && { patch }),
    normalization,
    palette: [...maskLook(config).ofClasses],
    ...((isBinary(config) || multiLabel) && { threshold }),
    // Only the name of a custom loss is known.
    ...(!training.custom?.includes('loss') && { loss: training.loss }),
    ...(training.lossSettings && { lossSettings: training.lossSettings }),
  };
}

/** The scores of the checkpoint's epoch; undefined for a checkpoint within an epoch. */
async function scoresOf(folder: RunFolder, files: CheckpointFiles): Promise<ModelCard['scores'] | undefined> {
  const record = files.verified
    ? await readCheckpointRecord(files)
    : await loggedRecord(folder, basename(files.folder));
  if (!record) return undefined;
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

/** The record of an epoch from metrics.jsonl. */
async function loggedRecord(folder: RunFolder, epoch: string): Promise<EpochRecord | undefined> {
  const text = await readFile(folder.metricsPath, 'utf8').catch(() => '');
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      const record = JSON.parse(line) as EpochRecord;
      if (String(record.epoch) === epoch) return record;
    } catch (cause) {
      throw new PixelwiseError('run', `${folder.metricsPath}: line ${i + 1} is damaged; delete the line.`, {
        cause,
      });
    }
  }
  return undefined;
}
