/**
 * One checkpoint: a folder with the weights, the optimizer's moments and the callbacks' arrays (safetensors),
 * the model's graph (ONNX), the rest of the state (JSON) and the checksums of these files. It is written under
 * another name and renamed, so a checkpoint is either complete or absent.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { PixelwiseError } from '../errors/index.js';
import type { GroupState } from '../optim/index.js';
import { isSystemError, renameOver, systemErrorText } from '../files/index.js';
import { decodeSafetensors, encodeSafetensors, floatTensors } from '../weights/index.js';
import type { WeightFile, WeightTensor } from '../weights/index.js';
import type { Callback, EpochRecord, FitState } from './callback.js';
import { CheckpointFiles, CheckpointWriter, damagedFile } from './checkpoint-files.js';
import { encodeCheckpointGraph, GRAPH_FILE } from './checkpoint-graph.js';
import type { Learner } from './learner.js';

export const WEIGHTS_FILE = 'weights.safetensors';
const OPTIMIZER_FILE = 'optimizer.safetensors';
const ARRAYS_FILE = 'callbacks.safetensors';
const STATE_FILE = 'state.json';

const whole = z.number().int().nonnegative();
const record = z.looseObject({ epoch: whole, step: whole, lr: z.number(), train: z.looseObject({}) });
const option = z.union([z.number(), z.boolean(), z.array(z.number())]);

/** What state.json holds. Callbacks check their own part. */
const savedState = z.object({
  fit: z.object({
    epoch: whole,
    batch: whole,
    step: whole,
    batches: whole,
    length: z.object({ maxSteps: whole.positive(), scheduleStep: z.number() }).optional(),
    running: z
      .object({
        samples: whole,
        loss: z.number(),
        losses: z.record(z.string(), z.number()),
        metrics: z.record(z.string(), z.number()).optional(),
        counts: z.array(whole),
        seconds: z.number(),
        // Checkpoints of earlier versions have none.
        waitSeconds: z.number().default(0),
      })
      .nullable(),
    history: z.array(record as unknown as z.ZodType<EpochRecord>),
    callbacks: z.record(z.string(), z.unknown()),
  }),
  /** Names of the arrays of each callback that has any. */
  arrays: z.record(z.string(), z.array(z.string())),
  optimizer: z.object({
    type: z.string(),
    groups: z.array(
      z.object({
        step: whole,
        options: z.record(z.string(), option),
        parameters: z.array(z.string()),
        moments: z.array(z.string()),
      }) satisfies z.ZodType<GroupState>,
    ),
  }),
});

/** Writes the learner's and the loop's state to `folder`, replacing what is there. */
export async function saveCheckpoint(folder: string, learner: Learner, state: FitState): Promise<void> {
  const beside = `${folder}.partial`;
  await learner.synchronize();
  const graph = learner.predictionGraph();
  try {
    await rm(beside, { recursive: true, force: true });
    // Not its parents: a disk that is gone must not be written beside.
    await mkdir(beside);
    const { type, groups, moments } = learner.optimizer.state();
    const optimizer = Object.entries(moments).map(([name, data]) => ({ name, shape: [data.length], data }));
    const { arrays, ...fit } = state;
    const flat = Object.entries(arrays).flatMap(([callback, own]) =>
      Object.entries(own).map(([name, data]) => ({
        name: `${callback}/${name}`,
        shape: [data.length],
        data,
      })),
    );
    const weights = encodeSafetensors(learner.state.stateDict());
    const files = new CheckpointWriter(beside);
    await files.write(WEIGHTS_FILE, weights);
    if (graph) await files.write(GRAPH_FILE, encodeCheckpointGraph(graph, weights, WEIGHTS_FILE));
    await files.write(OPTIMIZER_FILE, encodeSafetensors(optimizer));
    if (flat.length > 0) await files.write(ARRAYS_FILE, encodeSafetensors(flat));
    const names = Object.fromEntries(Object.entries(arrays).map(([name, own]) => [name, Object.keys(own)]));
    const saved = { fit, arrays: names, optimizer: { type, groups } };
    await files.write(STATE_FILE, JSON.stringify(saved));
    await files.finish();
    await rm(folder, { recursive: true, force: true });
    await renameOver(beside, folder);
  } catch (error) {
    await rm(beside, { recursive: true, force: true }).catch(() => undefined);
    const refused = error instanceof PixelwiseError ? error.cause : error;
    const reason = isSystemError(refused)
      ? systemErrorText(refused)
      : `${error instanceof Error ? error.message : String(error)}.`;
    throw new PixelwiseError(
      'checkpoint',
      `the checkpoint ${folder} could not be written: ${reason} Earlier checkpoints are intact: go on with --resume.`,
      { cause: error },
    );
  }
}

/** The weights of a checkpoint. */
export async function readCheckpointWeights(folder: string): Promise<WeightTensor[]> {
  return floatTensors(await readCheckpointFile(await CheckpointFiles.open(folder)));
}

/** The weights of a checkpoint as their file holds them, and its bytes, of which they are views. */
export async function readCheckpointFile(
  files: CheckpointFiles,
): Promise<WeightFile & { readonly bytes: Uint8Array }> {
  const bytes = await files.read(WEIGHTS_FILE);
  return { ...decodeSafetensors(bytes, join(files.folder, WEIGHTS_FILE)), bytes };
}

/** The record of the checkpoint's epoch, from its verified state; undefined within an epoch. */
export async function readCheckpointRecord(files: CheckpointFiles): Promise<EpochRecord | undefined> {
  const { fit } = await readState(files);
  return fit.batch === 0 ? fit.history.at(-1) : undefined;
}

/** The finished epochs at the time of the checkpoint, oldest first, from its verified state: lines of metrics.jsonl. */
export async function readCheckpointHistory(files: CheckpointFiles): Promise<readonly string[]> {
  await readState(files);
  // As it was written, without the defaults and the order that reading gives it.
  const text = new TextDecoder().decode(await files.read(STATE_FILE));
  const { fit } = JSON.parse(text) as { fit: { history: readonly unknown[] } };
  return fit.history.map((record) => JSON.stringify(record));
}

/**
 * Puts a checkpoint's weights and optimizer state into the learner; returns where the loop stood.
 *
 * @param callbacks those of the run, as `fit` will get them: some have to prepare the learner
 * @throws PixelwiseError if a file is missing or damaged, or belongs to another model or optimizer. The
 *   folder is only read; the learner's weights are as before where the weights did not fit.
 */
export async function loadCheckpoint(
  folder: string,
  learner: Learner,
  callbacks: readonly Callback[] = [],
): Promise<FitState> {
  await learner.synchronize();
  const files = await CheckpointFiles.open(folder);
  const weights = floatTensors(await readCheckpointFile(files));
  const saved = await readState(files);
  const moments = await readArrays(files, OPTIMIZER_FILE);
  const owners = Object.entries(saved.arrays).filter(([, names]) => names.length > 0);
  const flat = owners.length > 0 ? await readArrays(files, ARRAYS_FILE) : {};
  const arrays = owners.map(([owner, names]) => {
    const own = names.map((name): [string, Float32Array] => {
      const data = flat[`${owner}/${name}`];
      if (!data) throw damagedFile(join(folder, ARRAYS_FILE), `it lacks ${owner}/${name}`);
      return [name, data];
    });
    return [owner, Object.fromEntries(own)] as const;
  });
  for (const callback of callbacks) {
    if (callback.name in saved.fit.callbacks) {
      await callback.beforeLoad?.(learner, saved.fit.callbacks[callback.name]);
    }
  }
  learner.state.loadStateDict(weights, folder);
  await learner.recompile();
  learner.optimizer.loadState({ ...saved.optimizer, moments });
  return { ...saved.fit, arrays: Object.fromEntries(arrays) };
}

async function readArrays(files: CheckpointFiles, name: string): Promise<Record<string, Float32Array>> {
  const tensors = floatTensors(decodeSafetensors(await files.read(name), join(files.folder, name)));
  return Object.fromEntries(tensors.map((tensor) => [tensor.name, tensor.data]));
}

async function readState(files: CheckpointFiles): Promise<z.infer<typeof savedState>> {
  const path = join(files.folder, STATE_FILE);
  const text = new TextDecoder().decode(await files.read(STATE_FILE));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damagedFile(path, 'it is not JSON', error);
  }
  const result = savedState.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw damagedFile(path, `${issue.path.join('.') || 'it'}: ${issue.message}`, result.error);
}
