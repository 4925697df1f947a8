/** Ends a run that no longer gets better. */
import { UsageError } from '../../errors/index.js';
import type { Callback } from '../callback.js';
import type { Monitor } from './monitor.js';
import { improves, monitored } from './monitor.js';

export interface EarlyStoppingOptions {
  readonly monitor: Monitor;
  /** Epochs without improvement that are borne, at least 1. */
  readonly patience: number;
  /** Least change that counts as one; default 0. */
  readonly minDelta?: number;
}

/** Stops after `patience` epochs in a row in which the monitored score did not improve. */
export function earlyStopping({ monitor, patience, minDelta = 0 }: EarlyStoppingOptions): Callback {
  if (!Number.isInteger(patience) || patience < 1)
    throw new UsageError(`patience must be a whole number from 1, not ${patience}`);
  let best: number | undefined;
  let waited = 0;
  return {
    name: 'earlyStopping',
    fitStart(context) {
      // Resumed after it had stopped: it stays stopped.
      if (waited >= patience) context.stop('patience');
    },
    epochEnd(context, record) {
      if (!record[monitor.part]) {
        throw new UsageError(
          'early stopping watches the validation part, and there is none: hold one out (--val), or leave --patience away',
        );
      }
      const value = monitored(record, monitor);
      if (value !== undefined && improves(value, best, monitor.metric, minDelta)) {
        best = value;
        waited = 0;
      } else if (++waited >= patience) {
        context.stop('patience');
      }
    },
    state: () => ({ best: best ?? null, waited }),
    loadState(state) {
      const saved = state as { best: number | null; waited: number };
      best = saved.best ?? undefined;
      waited = saved.waited;
    },
  };
}
