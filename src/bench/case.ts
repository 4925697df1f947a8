/** What is measured: a model doing one thing at one size. */
import { availableParallelism } from 'node:os';
import { UsageError } from '../errors/index.js';
import type { SegmentationModel } from '../models/index.js';
import { createModel, modelEntry, modelNames } from '../models/index.js';
import type { Device } from '../runtime/index.js';

export const BENCH_MODES = ['train', 'predict', 'data'] as const;

/**
 * - `train`: forward, loss, backward and Adam on one batch, as `fit` does it;
 * - `predict`: the model alone with its weights baked in, normalised floats to logits;
 * - `data`: image files to batches, augmented.
 */
export type BenchMode = (typeof BENCH_MODES)[number];

export interface BenchCase {
  /** As `--model` takes it. */
  readonly model: string;
  readonly mode: BenchMode;
  /** Images in one step. */
  readonly batch: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly threads: number;
}

/** What a case is measured with. */
export interface CaseSettings {
  readonly device: Device;
  /** Steps that are timed, after one that is not. */
  readonly repeats: number;
  /** Of a `data` case: the labelled images. */
  readonly data?: string | undefined;
  /** Whether time is told by operator and by layer, too. */
  readonly profile: boolean;
}

/** What cases are made of; what is absent takes the models' defaults. */
export interface CaseChoice {
  /** One model; default those whose entries say so. */
  readonly model?: string | undefined;
  /** One mode; default all. */
  readonly mode?: BenchMode | undefined;
  readonly batch?: number | undefined;
  readonly size?: number | undefined;
  /** Default: all cores. */
  readonly threads?: number | undefined;
}

/**
 * The cases of a choice, in the order in which they are measured. Loading data knows no model, so of models
 * with the same batch and size one `data` case is enough.
 *
 * @throws UsageError for a model that does not exist.
 */
export function benchCases(choice: CaseChoice): BenchCase[] {
  const { threads = availableParallelism() } = choice;
  const models =
    choice.model === undefined ? modelNames().filter((name) => modelEntry(name).benched) : [choice.model];
  const modes = choice.mode === undefined ? BENCH_MODES : [choice.mode];
  const loaded = new Set<string>();
  return modes.flatMap((mode) =>
    models.flatMap((model): BenchCase[] => {
      const { batch, size } = { ...modelEntry(model).bench, ...defined(choice) };
      const shape = `${batch} ${size}`;
      if (mode === 'data' && loaded.has(shape)) return [];
      if (mode === 'data') loaded.add(shape);
      return [{ model, mode, batch, size, threads }];
    }),
  );
}

function defined({ batch, size }: CaseChoice): { batch?: number; size?: number } {
  if (size !== undefined && size < 2) throw new UsageError(`--size is from 2, not ${size}`);
  return { ...(batch !== undefined && { batch }), ...(size !== undefined && { size }) };
}

/** The classes that a model is measured with, background included. */
export const benchClasses = (model: string) => modelEntry(model).bench.classes;

/** The model of a case, a pretrained encoder frozen. Its weights are not set. */
export function benchModel(model: string): SegmentationModel {
  const { pretrained } = modelEntry(model);
  return createModel(model, { classes: benchClasses(model), ...(pretrained && { freezeEncoder: true }) });
}
