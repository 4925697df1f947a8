import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyFit, tinyLearner } from '../../../test/training/tiny.js';
import { Adam, constant, oneCycle, ReduceOnPlateau, SGD, stepDecay } from '../../optim/index.js';
import type { Schedule } from '../../optim/index.js';
import type { Runtime } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import type { Callback, EpochRecord, Monitor } from '../index.js';
import { checkMonitor, fit, improves, monitored, scheduleCallback } from '../index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

const MONITOR: Monitor = { metric: 'loss', part: 'valid' };

/** The rate, and the momentum, of every step of a run of three epochs of three steps. */
async function ratesUnder(schedule: Schedule, told?: Callback) {
  const learner = tinyLearner(runtime, {
    optimizer: (parameters) =>
      new SGD([{ parameters: parameters.slice(0, 2) }, { parameters: parameters.slice(2), lr: 0.02 }], {
        lr: 0.1,
        momentum: 0.9,
      }),
  });
  const rates: number[][] = [];
  const look: Callback = {
    name: 'look',
    backwardEnd: ({ learner: { optimizer } }) =>
      void rates.push(optimizer.groups.map(({ lr }) => lr).concat((optimizer as SGD).groups[0]!.momentum)),
  };
  const callbacks = [...(told ? [told] : []), scheduleCallback(schedule, MONITOR), look];
  await fit(tinyFit(learner, { epochs: 3, callbacks }));
  await learner.close();
  return rates;
}

describe('scheduleCallback', () => {
  it('scales the rate of each group by step, and drives the momentum', async () => {
    const schedule = oneCycle({ totalSteps: 9 });
    const rates = await ratesUnder(schedule);
    expect(rates).toEqual(
      Array.from({ length: 9 }, (_, step) => [
        schedule.at(step, 0.1).lr,
        schedule.at(step, 0.02).lr,
        schedule.at(step, 0.1).momentum,
      ]),
    );
  });

  it('counts epochs where the schedule does', async () => {
    const rates = await ratesUnder(stepDecay({ stepSize: 1, gamma: 0.5 }));
    expect(rates.map(([lr]) => lr)).toEqual([0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025]);
  });

  it('leaves a constant rate', async () => {
    expect(new Set((await ratesUnder(constant())).map(([lr]) => lr))).toEqual(new Set([0.1]));
  });

  it('shows the monitored score to a plateau schedule', async () => {
    // The loss never gets better: every epoch after the first lowers the rate.
    const told: Callback = {
      name: 'told',
      epochEnd: (_, record) => void Object.assign(record.valid!, { loss: 1 }),
    };
    const rates = await ratesUnder(new ReduceOnPlateau({ patience: 0, factor: 0.5 }), told);
    expect(rates.map(([lr]) => lr)).toEqual([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05]);
  });

  it('drives the first beta of Adam as its momentum', async () => {
    const learner = tinyLearner(runtime, { optimizer: (p) => new Adam(p, { lr: 0.01 }) });
    const schedule = oneCycle({ totalSteps: 3 });
    await fit(tinyFit(learner, { epochs: 1, callbacks: [scheduleCallback(schedule, MONITOR)] }));
    expect((learner.optimizer as Adam).groups[0]!.betas[0]).toBe(schedule.at(2, 0.01).momentum);
    await learner.close();
  });
});

describe('monitors', () => {
  const record = (loss: number | null) => ({ train: { loss: 3 }, valid: { loss } }) as unknown as EpochRecord;

  it('read one score of one part; an undefined one is none', () => {
    expect(monitored(record(2), MONITOR)).toBe(2);
    expect(monitored(record(2), { metric: 'loss', part: 'train' })).toBe(3);
    expect(monitored(record(null), MONITOR)).toBeUndefined();
    expect(monitored(record(2), { metric: 'dice', part: 'valid' })).toBeUndefined();
  });

  it('know which way is better, and by how much it must be', () => {
    expect(improves(1, undefined, 'loss')).toBe(true);
    expect([improves(0.9, 1, 'loss'), improves(1, 1, 'loss'), improves(1.1, 1, 'meanIoU')]).toEqual([
      true,
      false,
      true,
    ]);
    expect([improves(0.9, 1, 'loss', 0.2), improves(1.1, 1, 'dice', 0.05)]).toEqual([false, true]);
    expect(checkMonitor('iou')).toBe('iou');
    expect(() => checkMonitor('toString')).toThrow(/monitor must be one of/);
    expect(() => checkMonitor('f1')).toThrow(/monitor must be one of loss, .* not "f1"/);
  });
});
