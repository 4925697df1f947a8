import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/made-data.js';
import { fingerprint, tinyFit, tinyLearner, TinyNet, withoutTimes } from '../../../test/training/tiny.js';
import type { Runtime } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import type { Callback, Learner } from '../index.js';
import {
  checkpoints,
  fit,
  loadCheckpoint,
  readCheckpointWeights,
  RunFolder,
  unfreezing,
  weightAveraging,
} from '../index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

const copies = ({ state }: Learner) => state.stateDict().flatMap(({ data }) => [...data]);

describe('weightAveraging', () => {
  it('validates and leaves the moving average of weights and buffers, and learns as without it', async () => {
    const [learner, plain] = [tinyLearner(runtime), tinyLearner(runtime)];
    // The average, worked out again from the weights after every step.
    let average = copies(learner);
    const validated: number[][] = [];
    const wanted: number[][] = [];
    const look: Callback = {
      name: 'look',
      batchEnd(context) {
        const d = Math.min(0.9, (1 + context.step) / (10 + context.step));
        const now = copies(context.learner);
        average = average.map((a, i) => Math.fround(d * a + (1 - d) * now[i]!));
      },
      validBatchEnd: (context) => void validated.push(copies(context.learner)),
      epochEnd: () => void wanted.push(average, average),
    };
    await fit(tinyFit(learner, { epochs: 3, callbacks: [weightAveraging({ decay: 0.9 }), look] }));
    expect(validated).toEqual(wanted);
    expect(copies(learner)).toEqual(average);

    const seen = { with: [] as number[], without: [] as number[] };
    const losses = (list: number[]): Callback => ({
      name: 'losses',
      batchEnd: (_, { output }) => void list.push(output.loss),
    });
    const again = tinyLearner(runtime);
    await fit(tinyFit(again, { epochs: 3, callbacks: [weightAveraging(), losses(seen.with)] }));
    await fit(tinyFit(plain, { epochs: 3, callbacks: [losses(seen.without)] }));
    expect(seen.with).toEqual(seen.without);
    for (const each of [learner, plain, again]) await each.close();
  });

  it('is left in the learner also where nothing is validated', async () => {
    const [learner, plain] = [tinyLearner(runtime), tinyLearner(runtime)];
    await fit(tinyFit(learner, { valid: undefined, callbacks: [weightAveraging()] }));
    await fit(tinyFit(plain, { valid: undefined }));
    expect(copies(learner)).not.toEqual(copies(plain));
    for (const each of [learner, plain]) await each.close();
  });

  it.each([1, 3, 4, 5])('resumes bit for bit after %i batches, with accumulation', async (batches) => {
    const temporary = await temporaryFolder();
    const folder = new RunFolder(join(temporary.path, 'run'));
    await folder.create();
    const run = async (
      learner: Learner,
      own: Callback[],
      resume?: Awaited<ReturnType<typeof loadCheckpoint>>,
      signal?: AbortSignal,
    ) => {
      const callbacks = [
        weightAveraging({ decay: 0.8 }),
        ...own,
        checkpoints({ folder, monitor: undefined }),
      ];
      const { history } = await fit(
        tinyFit(learner, { epochs: 3, accumulate: 2, callbacks, resume, signal }),
      );
      return withoutTimes(history);
    };
    const whole = tinyLearner(runtime);
    const history = await run(whole, []);
    const cut = tinyLearner(runtime);
    const abort = new AbortController();
    let count = 0;
    const stop: Callback = { name: 'stop', batchEnd: () => void (++count === batches && abort.abort()) };
    await run(cut, [stop], undefined, abort.signal);
    // What is saved as the weights is the average.
    const last = await folder.checkpointFolder('last');
    expect((await readCheckpointWeights(last)).flatMap(({ data }) => [...data])).toEqual(
      cut.state.stateDict().flatMap(({ data }) => [...data]),
    );
    const resumed = tinyLearner(runtime);
    expect(await run(resumed, [], await loadCheckpoint(last, resumed))).toEqual(history);
    expect(fingerprint(resumed)).toEqual(fingerprint(whole));
    for (const each of [whole, cut, resumed]) await each.close();
    await temporary.remove();
  });

  it('goes on where a part is unfrozen meanwhile', async () => {
    const model = new TinyNet();
    model.first.freeze();
    const learner = tinyLearner(runtime, { model });
    const callbacks = [unfreezing({ module: model.first, after: 1 }), weightAveraging({ decay: 0.5 })];
    const start = learner.state.stateDict();
    await fit(tinyFit(learner, { epochs: 2, callbacks }));
    const moved = learner.state.stateDict().map(({ name, data }) => {
      const old = start.find((tensor) => tensor.name === name)!.data;
      return Math.max(...data.map((value, i) => Math.abs(value - old[i]!)));
    });
    // All have moved, none far.
    for (const distance of moved) expect(distance).toBeGreaterThan(0);
    for (const distance of moved) expect(distance).toBeLessThan(1);
    await learner.close();
  });

  it('says what is off', async () => {
    expect(() => weightAveraging({ decay: 1 })).toThrow('decay must be at least 0 and below 1, not 1');
    const callback = weightAveraging();
    const [small, large] = [tinyLearner(runtime), tinyLearner(runtime, { model: new TinyNet(6) })];
    await fit(tinyFit(small, { epochs: 1, callbacks: [callback] }));
    await expect(fit(tinyFit(large, { epochs: 1, callbacks: [callback] }))).rejects.toThrow(
      /belong to another model/,
    );
    for (const each of [small, large]) await each.close();
  });
});
