import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/made-data.js';
import { fingerprint, tinyFit, tinyLearner, TinyNet, withoutTimes } from '../../../test/training/tiny.js';
import { SGD } from '../../optim/index.js';
import type { Runtime } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import type { Callback } from '../index.js';
import { checkpoints, fit, loadCheckpoint, RunFolder, unfreezing } from '../index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

function frozenLearner() {
  const model = new TinyNet();
  model.first.freeze();
  model.norm.freeze();
  const learner = tinyLearner(runtime, {
    model,
    optimizer: (parameters) => new SGD(parameters, { lr: 0.1, momentum: 0.9 }),
  });
  const thaw = unfreezing({ module: model.first, after: 2, options: { lr: 0.01 } });
  return { model, learner, thaw };
}

it('lets a frozen part learn from an epoch on, at a rate of its own', async () => {
  const { learner, thaw } = frozenLearner();
  const weight = (name: string) =>
    learner.state.values(learner.state.slots.find((slot) => slot.name === name)!).slice();
  const seen: { first: Float32Array; head: Float32Array; mean: Float32Array }[] = [];
  const look: Callback = {
    name: 'look',
    epochEnd: () =>
      void seen.push({
        first: weight('first.weight'),
        head: weight('head.weight'),
        mean: weight('norm.running_mean'),
      }),
  };
  const start = weight('first.weight');
  await fit(tinyFit(learner, { epochs: 3, callbacks: [thaw, look] }));
  expect(seen[0]!.first).toEqual(start);
  expect(seen[1]!.first).toEqual(start);
  expect(seen[2]!.first).not.toEqual(start);
  expect(seen[1]!.head).not.toEqual(seen[0]!.head);
  expect(seen[2]!.head).not.toEqual(seen[1]!.head);
  // What stays frozen keeps its statistics as well as its weights.
  expect(seen[2]!.mean).toEqual(new Float32Array(4));
  expect(
    learner.optimizer.groups.map(({ lr, parameters }) => [lr, parameters.map(({ name }) => name)]),
  ).toEqual([
    [0.1, ['second.weight', 'second.bias', 'head.weight', 'head.bias']],
    [0.01, ['first.weight']],
  ]);
  await learner.close();
});

it('lets the weights of a frozen batch norm learn, while it goes on to use its stored statistics', async () => {
  const { model, learner } = frozenLearner();
  const values = (name: string) =>
    learner.state.values(learner.state.slots.find((slot) => slot.name === name)!).slice();
  const [weight, mean] = [values('norm.weight'), values('norm.running_mean')];
  await fit(tinyFit(learner, { epochs: 2, callbacks: [unfreezing({ module: model.norm, after: 1 })] }));
  expect(values('norm.weight')).not.toEqual(weight);
  expect(values('norm.running_mean')).toEqual(mean);
  await learner.close();
});

it.each([4, 7])('resumes bit for bit after %i steps', async (steps) => {
  const temporary = await temporaryFolder();
  const folder = new RunFolder(join(temporary.path, 'run'));
  await folder.create();
  const abort = new AbortController();
  const stop: Callback = { name: 'stop', batchEnd: ({ step }) => void (step === steps && abort.abort()) };
  const saving = () => checkpoints({ folder, monitor: undefined });
  const whole = frozenLearner();
  const { history } = await fit(tinyFit(whole.learner, { epochs: 4, callbacks: [whole.thaw] }));
  const cut = frozenLearner();
  await fit(tinyFit(cut.learner, { epochs: 4, callbacks: [cut.thaw, stop, saving()], signal: abort.signal }));
  const resumed = frozenLearner();
  const callbacks = [resumed.thaw, saving()];
  const resume = await loadCheckpoint(await folder.checkpointFolder('last'), resumed.learner, callbacks);
  const again = await fit(tinyFit(resumed.learner, { epochs: 4, callbacks, resume }));
  expect(fingerprint(resumed.learner)).toEqual(fingerprint(whole.learner));
  expect(withoutTimes(again.history)).toEqual(withoutTimes(history));
  for (const { learner } of [whole, cut, resumed]) await learner.close();
  await temporary.remove();
});

it('says what is off', async () => {
  const { model, learner } = frozenLearner();
  expect(() => unfreezing({ module: model, after: 0 })).toThrow('after must be a whole number from 1, not 0');
  model.head.freeze();
  await expect(learner.unfreeze()).rejects.toThrow(/head\.weight was frozen while its optimizer was in use/);
  await learner.close();
});
