/** Ends a run that no longer improves. */
import { UsageError } from '../../errors/index.js';
import type { Callback } from '../callback.js';
import type { Monitor } from './monitor.js';
import { improves, monitored } from './monitor.js';

export interface EarlyStoppingOptions {
  readonly monitor: Monitor;
  /** Number of epochs without improvement after which the run stops, at least 1. */
  readonly patience: number;
  /** Minimum change that counts as an improvement; default 0. */
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
      // A run that had stopped before it is resumed stops again.
      if (waited >= patience) context.stop('patience');
    },
    epochEnd(context, record) {
      if (!record[monitor.part]) {
        throw new UsageError('early stopping needs a validation part: set --val, or omit --patience');
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
