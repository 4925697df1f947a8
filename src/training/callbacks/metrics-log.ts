/** Writes metrics.jsonl, with one line per epoch. */
import type { Callback } from '../callback.js';
import type { RunFolder } from '../run-folder.js';

export function metricsLog(folder: RunFolder): Callback {
  return {
    name: 'metricsLog',
    // Removes lines after the checkpoint from which the run is resumed.
    fitStart: ({ history }) => folder.writeMetrics(history),
    epochEnd: ({ history }) => folder.writeMetrics(history),
  };
}
