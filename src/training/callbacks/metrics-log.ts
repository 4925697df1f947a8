/** Keeps metrics.jsonl: a line an epoch. */
import type { Callback } from '../callback.js';
import type { RunFolder } from '../run-folder.js';

export function metricsLog(folder: RunFolder): Callback {
  return {
    name: 'metricsLog',
    // Cut back to the checkpoint that the run resumes from.
    fitStart: ({ history }) => folder.writeMetrics(history),
    epochEnd: ({ history }) => folder.writeMetrics(history),
  };
}
