/**
 * One checkpoint: a folder with the weights (safetensors), the optimizer's moments (safetensors) and the
 * rest of the state (JSON). It is written under another name and renamed, so a checkpoint is whole or
 * not there.
 */
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import type { GroupState } from '../optim/index.js';
import { decodeSafetensors, encodeSafetensors, floatTensors, writeFileAtomic } from '../weights/index.js';
import type { WeightTensor } from '../weights/index.js';
import type { FitState } from './callback.js';
import type { Learner } from './learner.js';

export const WEIGHTS_FILE = 'weights.safetensors';
const OPTIMIZER_FILE = 'optimizer.safetensors';
const STATE_FILE = 'state.json';

interface SavedState {
  readonly fit: FitState;
  readonly optimizer: { readonly type: string; readonly groups: readonly GroupState[] };
}

/** Writes the learner's and the loop's state to `folder`, replacing what is there. */
export async function saveCheckpoint(folder: string, learner: Learner, state: FitState): Promise<void> {
  const beside = `${folder}.partial`;
  try {
    await rm(beside, { recursive: true, force: true });
    await mkdir(beside, { recursive: true });
    const { type, groups, moments } = learner.optimizer.state();
    const optimizer = Object.entries(moments).map(([name, data]) => ({ name, shape: [data.length], data }));
    const saved: SavedState = { fit: state, optimizer: { type, groups } };
    await writeFileAtomic(join(beside, WEIGHTS_FILE), encodeSafetensors(learner.state.stateDict()));
    await writeFileAtomic(join(beside, OPTIMIZER_FILE), encodeSafetensors(optimizer));
    await writeFileAtomic(join(beside, STATE_FILE), JSON.stringify(saved));
    await rm(folder, { recursive: true, force: true });
    await rename(beside, folder);
  } catch (error) {
    await rm(beside, { recursive: true, force: true }).catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    throw new PixelwiseError(
      'checkpoint',
      `the checkpoint ${folder} could not be written: ${reason}. Is the disk full? Earlier checkpoints are intact; free some space and go on with --resume.`,
      { cause: error },
    );
  }
}

/** The weights of a checkpoint. */
export async function readCheckpointWeights(folder: string): Promise<WeightTensor[]> {
  const path = join(folder, WEIGHTS_FILE);
  return floatTensors(decodeSafetensors(await read(path), path));
}

/** Puts a checkpoint's weights and optimizer state into the learner; returns where the loop stood. */
export async function loadCheckpoint(folder: string, learner: Learner): Promise<FitState> {
  const weights = await readCheckpointWeights(folder);
  const path = join(folder, OPTIMIZER_FILE);
  const moments = floatTensors(decodeSafetensors(await read(path), path));
  const statePath = join(folder, STATE_FILE);
  let saved: SavedState;
  try {
    saved = JSON.parse(new TextDecoder().decode(await read(statePath))) as SavedState;
  } catch (error) {
    if (error instanceof PixelwiseError) throw error;
    throw new PixelwiseError(
      'checkpoint',
      `${statePath} is damaged: delete this checkpoint's folder and resume from another`,
      { cause: error },
    );
  }
  learner.state.loadStateDict(weights, folder);
  learner.optimizer.loadState({
    ...saved.optimizer,
    moments: Object.fromEntries(moments.map(({ name, data }) => [name, data])),
  });
  return saved.fit;
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new PixelwiseError(
      'checkpoint',
      `${path} cannot be read (${error instanceof Error ? error.message : String(error)}): is ${dirname(path)} a checkpoint of this run, and complete?`,
      { cause: error },
    );
  }
}
