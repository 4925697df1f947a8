/**
 * Saves checkpoints: the latest epoch, the best one, and optionally every n-th. It must be the last callback, so that
 * checkpoints contain the state of all others at the end of the epoch.
 */
import { saveCheckpoint } from '../checkpoint.js';
import type { Callback, FitContext } from '../callback.js';
import type { RunFolder } from '../run-folder.js';
import type { Monitor } from './monitor.js';
import { improves, monitored } from './monitor.js';

export interface Best {
  /** Epoch number, from 1; 0 for the model that training started from, if its weights were given. */
  readonly epoch: number;
  readonly metric: string;
  readonly value: number;
}

export interface CheckpointOptions {
  readonly folder: RunFolder;
  /** The score that selects the best epoch; undefined without validation: the latest epoch counts as the best. */
  readonly monitor: Monitor | undefined;
  /** Also keeps the checkpoint of every n-th epoch. */
  readonly every?: number | undefined;
}

export interface Checkpoints extends Callback {
  /** The best epoch so far. */
  readonly best: Best | undefined;
}

export function checkpoints({ folder, monitor, every }: CheckpointOptions): Checkpoints {
  let best: Best | undefined;
  /** The checkpoint that the run was resumed from. */
  let begunFrom: string | undefined;
  const nameWithin = ({ epoch, batch }: FitContext): string => `${epoch}+${batch}`;
  const save = async (context: FitContext, name: string, isBest: boolean) => {
    await saveCheckpoint(folder.checkpoint(name), context.learner, context.snapshot());
    // The pointers are set after the checkpoint is complete, and old checkpoints are deleted after that. `last` is
    // set first, so that `best` never points to a checkpoint that a resumed run would write again.
    await folder.point('last', name);
    if (isBest) await folder.point('best', name);
    await folder.prune((epoch) => every !== undefined && epoch % every === 0);
  };
  return {
    name: 'checkpoints',
    async fitStart(context) {
      await folder.sweep();
      begunFrom = nameWithin(context);
      // A run killed between setting the two pointers has an outdated `best`.
      const name = String(best?.epoch ?? context.epoch);
      if (context.epoch > 0 && (await folder.checkpointNames()).includes(name))
        await folder.point('best', name);
    },
    get best() {
      return best;
    },
    // The model that training started from is the best until an epoch is better.
    async initialScores(context, valid) {
      const value = monitor && monitored({ valid }, monitor);
      if (value === undefined) return;
      best = { epoch: 0, metric: monitor!.metric, value };
      await save(context, '0', true);
    },
    async epochEnd(context, record) {
      const value = monitor && monitored(record, monitor);
      const isBest =
        monitor === undefined || (value !== undefined && improves(value, best?.value, monitor.metric));
      // Until a score is defined, the latest epoch counts as the best.
      if (isBest && monitor) best = { epoch: record.epoch, metric: monitor.metric, value: value! };
      await save(context, String(record.epoch), isBest || best === undefined);
    },
    async interrupted(context) {
      const name = nameWithin(context);
      // Interrupted before the first step: replacing the checkpoint by itself would leave none for a moment.
      if (name === begunFrom && (await folder.checkpointNames()).includes(name)) return;
      await save(context, name, false);
    },
    state: () => ({ best: best ?? null }),
    loadState(state) {
      best = (state as { best: Best | null }).best ?? undefined;
    },
  };
}
