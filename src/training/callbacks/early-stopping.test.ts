import { describe, expect, it } from 'vitest';
import type { EpochRecord, FitContext, MonitorMetric } from '../index.js';
import { earlyStopping } from '../index.js';

/** The epoch after which a run with the given scores is stopped; undefined if it is not. */
function stoppedAfter(
  scores: readonly (number | null)[],
  options: { metric?: MonitorMetric; patience: number; minDelta?: number },
): number | undefined {
  const { metric = 'loss', ...rest } = options;
  let stopped: number | undefined;
  let callback = earlyStopping({ monitor: { metric, part: 'valid' }, ...rest });
  for (const [i, score] of scores.entries()) {
    const context = { stop: () => (stopped ??= i + 1) } as unknown as FitContext;
    void callback.fitStart?.(context);
    void callback.epochEnd!(context, { valid: { [metric]: score } } as unknown as EpochRecord);
    if (stopped !== undefined) return stopped;
    // A new process takes over after every epoch.
    const state = JSON.parse(JSON.stringify(callback.state!())) as unknown;
    callback = earlyStopping({ monitor: { metric, part: 'valid' }, ...rest });
    callback.loadState!(state);
  }
  return undefined;
}

describe('earlyStopping', () => {
  it('waits for so many epochs in a row without improvement', () => {
    expect(stoppedAfter([5, 4, 4, 3, 3, 3.5, 2], { patience: 2 })).toBe(6);
    expect(stoppedAfter([5, 4, 4, 3, 3, 2, 2], { patience: 2 })).toBeUndefined();
    expect(stoppedAfter([1, 1], { patience: 1 })).toBe(2);
  });

  it('goes by the direction of the score', () => {
    expect(stoppedAfter([0.1, 0.2, 0.3], { metric: 'meanIoU', patience: 1 })).toBeUndefined();
    expect(stoppedAfter([0.3, 0.2], { metric: 'meanIoU', patience: 1 })).toBe(2);
  });

  it('does not count less than the least change', () => {
    expect(stoppedAfter([1, 0.95, 0.9, 0.85], { patience: 2, minDelta: 0.2 })).toBe(3);
    // Small steps add up against the best, not against the epoch before.
    expect(stoppedAfter([1, 0.95, 0.88, 0.84], { patience: 2, minDelta: 0.1 })).toBeUndefined();
  });

  it('takes an undefined score for no improvement', () => {
    expect(stoppedAfter([null, null, 1], { patience: 2 })).toBe(2);
    expect(stoppedAfter([null, 1, null], { patience: 2 })).toBeUndefined();
  });

  it('says what is off', () => {
    const monitor = { metric: 'loss', part: 'valid' } as const;
    expect(() => earlyStopping({ monitor, patience: 0 })).toThrow('whole number from 1, not 0');
    const record = { train: {} } as unknown as EpochRecord;
    expect(() => earlyStopping({ monitor, patience: 1 }).epochEnd!({} as FitContext, record)).toThrow(
      /needs a validation part/,
    );
  });
});
