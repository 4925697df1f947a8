/**
 * Saves a run as it goes: the latest epoch, the best, and on wish every n-th. Stands last among the
 * callbacks, so that what the others decided at the end of an epoch is saved with it.
 */
import { saveCheckpoint } from '../checkpoint.js';
import type { Callback, FitContext } from '../callback.js';
import type { RunFolder } from '../run-folder.js';
import type { Monitor } from './monitor.js';
import { improves, monitored } from './monitor.js';

export interface Best {
  /** From 1. */
  readonly epoch: number;
  readonly metric: string;
  readonly value: number;
}

export interface CheckpointOptions {
  readonly folder: RunFolder;
  /** What makes an epoch the best; undefined: the last one is (nothing was held out to choose on). */
  readonly monitor: Monitor | undefined;
  /** Keeps every n-th epoch's checkpoint too. */
  readonly every?: number | undefined;
}

export interface Checkpoints extends Callback {
  /** The best epoch so far. */
  readonly best: Best | undefined;
}

export function checkpoints({ folder, monitor, every }: CheckpointOptions): Checkpoints {
  let best: Best | undefined;
  const save = async (context: FitContext, name: string, isBest: boolean) => {
    await saveCheckpoint(folder.checkpoint(name), context.learner, context.snapshot());
    // The pointers move only once the checkpoint is whole; what they led to goes only after that. `last` is
    // first: `best` then never leads to a checkpoint that a resumed run is going to write again.
    await folder.point('last', name);
    if (isBest) await folder.point('best', name);
    await folder.prune((epoch) => every !== undefined && epoch % every === 0);
  };
  return {
    name: 'checkpoints',
    async fitStart(context) {
      await folder.sweep();
      // A run killed between its two pointers has an older `best` than its state says.
      const name = String(best?.epoch ?? context.epoch);
      if (context.epoch > 0 && (await folder.checkpointNames()).includes(name))
        await folder.point('best', name);
    },
    get best() {
      return best;
    },
    async epochEnd(context, record) {
      const value = monitor && monitored(record, monitor);
      const isBest =
        monitor === undefined || (value !== undefined && improves(value, best?.value, monitor.metric));
      // Until a score is defined, the latest epoch stands in for the best.
      if (isBest && monitor) best = { epoch: record.epoch, metric: monitor.metric, value: value! };
      await save(context, String(record.epoch), isBest || best === undefined);
    },
    interrupted: (context) => save(context, `${context.epoch}+${context.batch}`, false),
    state: () => ({ best: best ?? null }),
    loadState(state) {
      best = (state as { best: Best | null }).best ?? undefined;
    },
  };
}
