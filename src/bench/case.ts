/** A benchmark case: a model, a mode, a batch size and an image size. */
import type { BatchShape } from '../training/index.js';
import { availableParallelism } from 'node:os';
import { UsageError } from '../errors/index.js';
import type { SegmentationModel } from '../models/index.js';
import { createModel, modelEntry, modelNames } from '../models/index.js';
import type { Device } from '../runtime/index.js';

export const BENCH_MODES = ['train', 'train-kept', 'predict', 'data'] as const;

/**
 * - `train`: forward, loss, backward and Adam on one batch, as `fit` does it;
 * - `train-kept`: the same from kept features of a frozen encoder, for models that have one;
 * - `predict`: the model alone, weights as constants in the graph, from normalised floats to logits;
 * - `data`: from image files to augmented batches.
 */
export type BenchMode = (typeof BENCH_MODES)[number];

export interface BenchCase {
  /** Model name, as in `--model`. */
  readonly model: string;
  readonly mode: BenchMode;
  /** Images in one step. */
  readonly batch: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly threads: number;
}

/** How a case is measured. */
export interface CaseSettings {
  readonly device: Device;
  /** Number of timed steps, after one warm-up step. */
  readonly repeats: number;
  /** Folder of labelled images, for `data` cases. */
  readonly data?: string | undefined;
  /** Whether to report time by operator and by layer. */
  readonly profile: boolean;
}

/** Selects the cases. Absent values are the models' defaults. */
export interface CaseChoice {
  /** One model; default all models whose registry entries have `benched` set. */
  readonly model?: string | undefined;
  /** One mode; default all. */
  readonly mode?: BenchMode | undefined;
  readonly batch?: number | undefined;
  readonly size?: number | undefined;
  /** Default: all cores. */
  readonly threads?: number | undefined;
}

/**
 * The selected cases, in the order in which they are measured. Data loading does not depend on the model, so
 * there is only one `data` case per batch and image size.
 *
 * @throws UsageError for an unknown model.
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
      if (mode === 'train-kept' && !modelEntry(model).pretrained) return [];
      if (mode === 'data') loaded.add(shape);
      return [{ model, mode, batch, size, threads }];
    }),
  );
}

function defined({ batch, size }: CaseChoice): { batch?: number; size?: number } {
  if (size !== undefined && size < 2) throw new UsageError(`--size must be at least 2, not ${size}`);
  return { ...(batch !== undefined && { batch }), ...(size !== undefined && { size }) };
}

/** Number of classes in a model's benchmark, including background. */
export const benchClasses = (model: string) => modelEntry(model).bench.classes;

/** Creates the model of a case. A pretrained encoder is frozen. The weights are not initialised. */
export function benchModel(model: string): SegmentationModel {
  const { pretrained } = modelEntry(model);
  return createModel(model, { classes: benchClasses(model), ...(pretrained && { freezeEncoder: true }) });
}

/** The batch of a case. */
export const batchShape = ({ batch, size }: BenchCase): BatchShape => ({
  size: batch,
  channels: 3,
  height: size,
  width: size,
});
