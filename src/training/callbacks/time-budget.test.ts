import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyFit, tinyLearner } from '../../../test/training/tiny.js';
import { oneCycle } from '../../optim/index.js';
import type { Runtime } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import type { Callback, FitState } from '../index.js';
import { fit, scheduleCallback, timeBudget } from '../index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

/** A run whose steps and validations take so long by a clock that only they move. */
async function run(options: { maxSteps: number; step: number; pause: number; deadline: number }) {
  const { maxSteps, step, pause, deadline } = options;
  let time = 0;
  const states: FitState[] = [];
  const rates: number[] = [];
  const clock: Callback = {
    name: 'clock',
    batchStart: ({ learner }) => {
      rates.push(learner.optimizer.groups[0]!.lr);
      time += step;
    },
    validStart: () => void (time += pause),
    batchEnd: (context) => void states.push(context.snapshot()),
  };
  const learner = tinyLearner(runtime);
  const schedule = scheduleCallback(oneCycle({ totalSteps: maxSteps }), { metric: 'loss', part: 'train' });
  const pacing = timeBudget({ deadline, betweenEpochs: pause, now: () => time });
  const result = await fit(tinyFit(learner, { epochs: 1, maxSteps, callbacks: [pacing, schedule, clock] }));
  await learner.close();
  return { time, result, states, rates };
}

describe('timeBudget', () => {
  it.each([
    ['fewer steps than planned', { maxSteps: 60, step: 10, pause: 0 }],
    ['more steps than planned', { maxSteps: 8, step: 1, pause: 0 }],
    ['long validations', { maxSteps: 40, step: 3, pause: 12 }],
  ])('ends at the deadline: %s', async (_, options) => {
    const { time, result, rates } = await run({ ...options, deadline: 100 });
    expect(result.stopped).toBe('minutes');
    expect(Math.abs(time - 100)).toBeLessThanOrEqual(options.step + options.pause);
    // The schedule ends with the run, whatever its length.
    expect(rates.at(-1)!).toBeLessThan(0.12 * Math.max(...rates));
  });

  it('keeps its length in the state of the run', async () => {
    const { states } = await run({ maxSteps: 60, step: 10, pause: 0, deadline: 100 });
    const state = states.at(-1)!;
    expect(state.length?.maxSteps).toBe(10);
    const learner = tinyLearner(runtime);
    const resumed = await fit(tinyFit(learner, { epochs: 1, maxSteps: 60, resume: states.at(-3)! }));
    expect(resumed.steps).toBe(states.at(-3)!.length!.maxSteps);
    await learner.close();
  });
});
