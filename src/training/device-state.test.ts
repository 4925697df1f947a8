import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flat } from '../../test/support/flat.js';
import type { KeepingRuntime } from '../../test/support/keeping-runtime.js';
import { keepingRuntime } from '../../test/support/keeping-runtime.js';
import { BCE_DICE, Discs, fingerprint, tinyFit, tinyLearner, TinyNet } from '../../test/training/tiny.js';
import { WEBGPU } from '../graph/index.js';
import type { LossTerm } from '../nn/index.js';
import type { Optimizer, TrainedWeight } from '../optim/index.js';
import { Adam, AdamW, gradientNorm, LAMB, Lion, RMSprop, SGD } from '../optim/index.js';
import type { Runtime } from '../runtime/index.js';
import { DeviceArray } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { findLr, fit, gradientClipping, loadCheckpoint, saveCheckpoint, weightAveraging } from './index.js';
import type { Callback, FitOptions, FitState, Learner, LearnerOptions } from './index.js';

let host: Runtime;
let device: KeepingRuntime;
beforeAll(async () => {
  host = await createNodeRuntime({ worker: false, threads: 1 });
  device = keepingRuntime();
});
afterAll(async () => {
  await host.close();
  await device.close();
});

type Make = (parameters: readonly TrainedWeight[]) => Optimizer;

const OPTIMIZERS: Readonly<Record<string, Make>> = {
  Adam: (p) => new Adam(p, { lr: 5e-3 }),
  'Adam with weight decay': (p) => new Adam(p, { lr: 5e-3, weightDecay: 0.1 }),
  AdamW: (p) => new AdamW(p, { lr: 5e-3, weightDecay: 0.1 }),
  SGD: (p) => new SGD(p, { lr: 0.05 }),
  'SGD with weight decay': (p) => new SGD(p, { lr: 0.05, weightDecay: 0.01 }),
  'SGD with momentum': (p) => new SGD(p, { lr: 0.05, momentum: 0.9, dampening: 0.2 }),
  'SGD, Nesterov': (p) => new SGD(p, { lr: 0.05, momentum: 0.9, nesterov: true }),
  RMSprop: (p) => new RMSprop(p, { lr: 1e-3 }),
  'RMSprop, centred, with momentum': (p) =>
    new RMSprop(p, { lr: 1e-3, centered: true, momentum: 0.8, weightDecay: 0.01 }),
  Lion: (p) => new Lion(p, { lr: 1e-3, weightDecay: 0.1 }),
  LAMB: (p) => new LAMB(p, { lr: 5e-3 }),
  'two groups': (p) =>
    new Adam([
      { parameters: p.slice(0, 2), lr: 1e-3 },
      { parameters: p.slice(2), lr: 1e-2, weightDecay: 0.05 },
    ]),
};

/** All that a learner is made of, as numbers. */
async function valuesOf(learner: Learner): Promise<Record<string, number[]>> {
  await learner.synchronize();
  const { groups, moments } = learner.optimizer.state();
  return {
    ...Object.fromEntries(learner.state.stateDict().map(({ name, data }) => [name, [...data]])),
    ...Object.fromEntries(Object.entries(moments).map(([name, data]) => [name, [...data]])),
    steps: groups.map(({ step }) => step),
  };
}

function expectClose(got: Record<string, number[]>, wanted: Record<string, number[]>, tolerance = 2e-5) {
  expect(Object.keys(got)).toEqual(Object.keys(wanted));
  for (const [name, values] of Object.entries(wanted)) {
    const scale = Math.max(...values.map(Math.abs), 1e-3);
    const off = Math.max(...values.map((value, i) => Math.abs(value - got[name]![i]!)));
    expect(off / scale, name).toBeLessThan(tolerance);
  }
}

/** What `body` makes of a learner on the host, and of the same one on the device. */
async function both(
  body: (learner: Learner) => Promise<unknown>,
  options: Partial<LearnerOptions> | (() => Partial<LearnerOptions>) = {},
): Promise<[host: Record<string, number[]>, device: Record<string, number[]>]> {
  const run = async (runtime: Runtime) => {
    const learner = tinyLearner(runtime, typeof options === 'function' ? options() : options);
    await body(learner);
    const values = await valuesOf(learner);
    await learner.close();
    return values;
  };
  return [await run(host), await run(device)];
}

const discs = new Discs({ count: 10, batchSize: 4 });

async function steps(learner: Learner, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await learner.backward(discs.batchOf(i % 3 === 2 ? [i % 8] : [i % 8, (i + 1) % 8, (i + 2) % 8]));
    await learner.step();
  }
}

describe('a learner whose values stay on the device', () => {
  it.each(Object.entries(OPTIMIZERS))('learns as on the host: %s', async (_, optimizer) => {
    const [wanted, got] = await both((learner) => steps(learner, 8), { optimizer });
    expectClose(got, wanted);
  });

  it('does so with the graphs of WebGPU, too', async () => {
    const webgpu = keepingRuntime(WEBGPU);
    const learner = tinyLearner(webgpu);
    await steps(learner, 5);
    const got = await valuesOf(learner);
    await learner.close();
    const [wanted] = await both((other) => steps(other, 5));
    expectClose(got, wanted);
  });

  it('sends nothing but batches up from one step to the next', async () => {
    const learner = tinyLearner(device);
    const batch = discs.batchOf([0, 1]);
    const step = async () => {
      const before = device.traffic.up;
      await learner.backward(batch);
      await learner.step();
      return device.traffic.up - before;
    };
    const first = await step();
    const second = await step();
    expect(first - second).toBeGreaterThanOrEqual(
      3 * 4 * learner.state.trainable.reduce((n, { array }) => n + array.size, 0),
    );
    const masks = 2 * 4 * 16 * 16;
    const images = 4 * batch.images.length;
    expect(second).toBeLessThan(images + batch.masks.length + masks + 200);
    await learner.close();
  });

  it('evaluates with the newest values, and has the host write new ones', async () => {
    const check = async (learner: Learner, losses: number[]) => {
      await steps(learner, 3);
      losses.push((await learner.evaluate(discs.batchOf([8, 9]))).loss);
      await learner.synchronize();
      for (const slot of learner.state.slots) {
        const values = learner.state.values(slot);
        values.forEach((value, i) => (values[i] = 0.9 * value));
      }
      losses.push((await learner.evaluate(discs.batchOf([8, 9]))).loss);
      await steps(learner, 2);
    };
    const losses: number[] = [];
    const [wanted, got] = await both((learner) => check(learner, losses));
    expectClose(got, wanted);
    expect(losses[2]).toBeCloseTo(losses[0]!, 5);
    expect(losses[3]).toBeCloseTo(losses[1]!, 5);
    expect(losses[3]).not.toBeCloseTo(losses[2]!, 3);
  });

  it('refuses to show old values, and says how to get the new ones', async () => {
    const learner = tinyLearner(device);
    await learner.backward(discs.batchOf([0, 1]));
    expect(() => flat(learner.gradients)).toThrow(/the gradient of .* is on the device.*fetchGradients/);
    await learner.step();
    expect(() => learner.state.stateDict()).toThrow(
      /first\.weight is on the device: await learner\.synchronize\(\) first/,
    );
    await learner.synchronize();
    expect(learner.state.stateDict()).toHaveLength(learner.state.slots.length);
    await learner.close();
  });

  it('follows gradients that the host has changed', async () => {
    const [wanted, got] = await both(async (learner) => {
      await steps(learner, 2);
      await learner.backward(discs.batchOf([0, 1]));
      await learner.fetchGradients();
      for (const { values } of learner.gradients) values.forEach((value, i) => (values[i] = -value));
      await learner.step();
      await steps(learner, 2);
    });
    expectClose(got, wanted);
  });

  it('clips the norm of gradients where they are', async () => {
    const learner = tinyLearner(device);
    await learner.backward(discs.batchOf([0, 1]));
    const before = device.traffic.up;
    const norm = await learner.clipGradNorm(0.01);
    await expect(learner.clipGradNorm(0)).rejects.toThrow(/maxNorm/);
    expect(await learner.clipGradNorm(0.02)).toBeCloseTo(0.01, 5);
    expect(device.traffic.up).toBeLessThan(before + 20);
    await learner.fetchGradients();
    expect(gradientNorm(learner.gradients.map(({ values }) => values))).toBeCloseTo(0.01, 5);
    expect(norm).toBeGreaterThan(0.1);
    await learner.close();
  });

  it('sees what the host wrote between gradients and step', async () => {
    const [wanted, got] = await both(async (learner) => {
      await steps(learner, 2);
      await learner.backward(discs.batchOf([0, 1]));
      await learner.synchronize();
      for (const slot of learner.state.slots) {
        const values = learner.state.values(slot);
        values.forEach((value, i) => (values[i] = value / 2));
      }
      await learner.step();
    });
    expectClose(got, wanted);
  });

  it('compiles graphs of a model with a frozen part on the way', async () => {
    const [wanted, got] = await both(
      async (learner) => {
        await steps(learner, 2);
        await learner.evaluate(discs.batchOf([8, 9]));
        await steps(learner, 3);
        await learner.recompile();
        await steps(learner, 2);
      },
      () => {
        const model = new TinyNet();
        model.first.freeze();
        return { model };
      },
    );
    expectClose(got, wanted);
  });

  it('outlives the graphs that gave its values', async () => {
    const [wanted, got] = await both((learner) => steps(learner, 6), { maxProgramBytes: 1 });
    expectClose(got, wanted);
  });

  it('clips gradients whose squares overflow', async () => {
    const huge: LossTerm[] = [{ name: 'huge', weight: 1e25, loss: BCE_DICE[0]!.loss }];
    const [wanted, got] = await both(
      async (learner) => {
        await learner.backward(discs.batchOf([0, 1]));
        await learner.clipGradNorm(1);
        await learner.step();
      },
      { loss: huge, optimizer: (p) => new SGD(p, { lr: 0.1 }) },
    );
    expectClose(got, wanted);
  });

  it('does not show old moments, and takes new ones in their place', async () => {
    const learner = tinyLearner(device);
    const state = structuredClone(learner.optimizer.state());
    await steps(learner, 1);
    expect(() => learner.optimizer.state()).toThrow(
      /exp_avg.* is on the device: await learner\.synchronize\(\) first/,
    );
    learner.optimizer.loadState(state);
    expect(learner.optimizer.state().groups[0]!.step).toBe(0);
    await learner.close();
  });

  it('took no step where the device failed', async () => {
    const failing = keepingRuntime();
    const learner = tinyLearner(failing, { optimizer: OPTIMIZERS['SGD with momentum']! });
    await learner.backward(discs.batchOf([0, 1]));
    const { load } = failing;
    failing.load = () => Promise.reject(new Error('the device is lost'));
    await expect(learner.step()).rejects.toThrow('the device is lost');
    failing.load = load;
    await learner.step();
    const got = await valuesOf(learner);
    await learner.close();
    const [wanted] = await both((other) => steps(other, 0), {
      optimizer: OPTIMIZERS['SGD with momentum']!,
    });
    expect(got.steps).toEqual([1]);
    expect(Object.keys(got).length).toBeGreaterThan(Object.keys(wanted).length);
  });

  it('has its values on the host once it is closed', async () => {
    const learner = tinyLearner(device);
    await steps(learner, 3);
    await learner.close();
    const [wanted] = await both((other) => steps(other, 3));
    expectClose(await valuesOf(learner), wanted);
  });

  it('takes up a moment that comes into being on the way', async () => {
    const [wanted, got] = await both(
      async (learner) => {
        await steps(learner, 2);
        learner.optimizer.setMomentum(0.9);
        await steps(learner, 3);
      },
      { optimizer: OPTIMIZERS.SGD! },
    );
    expectClose(got, wanted);
  });

  it('moves an average where the values are', async () => {
    const averages: Record<string, number[]>[] = [];
    await both(async (learner) => {
      const average = Object.fromEntries(
        learner.state.slots.map(({ name, leaf, array }) => [
          name,
          DeviceArray.from(name, array.values, leaf.shape),
        ]),
      );
      for (let i = 0; i < 4; i++) {
        await steps(learner, 1);
        const before = device.traffic.up;
        await learner.updateEma(average, 0.8);
        if (i > 0) expect(device.traffic.up - before).toBeLessThan(20);
      }
      await learner.synchronize();
      averages.push(
        Object.fromEntries(Object.entries(average).map(([name, { values }]) => [name, [...values]])),
      );
    });
    expectClose(averages[1]!, averages[0]!);
  });

  it('does not let an average on the device be saved as it was', async () => {
    const learner = tinyLearner(device);
    const hasty: Callback = { name: 'hasty', batchEnd: (context) => void context.snapshot() };
    await expect(fit(tinyFit(learner, { callbacks: [weightAveraging(), hasty] }))).rejects.toThrow(
      /the average of .* is on the device: await learner\.synchronize\(\) first/,
    );
    await learner.close();
  });

  it('takes in what is unfrozen on the way', async () => {
    const [wanted, got] = await both(
      async (learner) => {
        await steps(learner, 2);
        (learner.model as TinyNet).second.unfreeze();
        await learner.unfreeze({ lr: 1e-3 });
        await steps(learner, 3);
      },
      () => {
        const model = new TinyNet();
        model.second.freeze();
        return { model };
      },
    );
    expectClose(got, wanted);
  });

  it('comes back as it was captured', async () => {
    const learner = tinyLearner(device);
    await steps(learner, 2);
    const captured = await learner.capture();
    await steps(learner, 1);
    const after = await valuesOf(learner);
    await steps(learner, 2);
    await learner.restore(captured);
    await steps(learner, 1);
    expect(await valuesOf(learner)).toEqual(after);
    await learner.close();
  });

  it('leaves weights as before a gradient that is no finite number', async () => {
    const learner = tinyLearner(device, { optimizer: (p) => new SGD(p, { lr: 1e30 }) });
    await steps(learner, 1);
    const before = await valuesOf(learner);
    await expect(learner.backward(discs.batchOf([0, 1])).then(() => learner.step())).rejects.toThrow(
      /no longer finite|overflowed|the loss became/,
    );
    expect(await valuesOf(learner)).toEqual(before);
    await learner.close();
  });

  it('leaves nothing on the device once it is closed', async () => {
    const own = keepingRuntime();
    const learner = tinyLearner(own);
    await steps(learner, 2);
    expect(own.store.size).toBeGreaterThan(0);
    await learner.close();
    expect(own.store.size).toBe(0);
  });
});

describe('fit on the device', () => {
  const fitted = (changes: Partial<FitOptions> | (() => Partial<FitOptions>)) =>
    both(async (learner) => {
      const train = new Discs({ count: 10, batchSize: 4 });
      await fit({ ...tinyFit(learner, { train }), ...(typeof changes === 'function' ? changes() : changes) });
    });

  it.each<[string, () => Partial<FitOptions>]>([
    ['plainly', () => ({})],
    ['accumulating gradients', () => ({ accumulate: 2 })],
    ['clipping gradients by their norm', () => ({ callbacks: [gradientClipping({ norm: 0.05 })] })],
    ['clipping gradients by value', () => ({ callbacks: [gradientClipping({ value: 0.01 })] })],
    ['clipping gradients by both', () => ({ callbacks: [gradientClipping({ norm: 0.05, value: 0.01 })] })],
    ['averaging weights', () => ({ callbacks: [weightAveraging({ decay: 0.9 })] })],
  ])('gives what the host gives, %s', async (_, changes) => {
    const [wanted, got] = await fitted(changes);
    expectClose(got, wanted);
  });

  it('begins with what steps of one’s own left', async () => {
    const [wanted, got] = await both(async (learner) => {
      await steps(learner, 2);
      await fit(tinyFit(learner, { callbacks: [weightAveraging({ decay: 0.9 })] }));
    });
    expectClose(got, wanted);
  });

  it('resumes from a checkpoint to the same bits', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'device-state-'));
    const checkpoint = join(folder, 'last');
    const saving: Callback = {
      name: 'saving',
      batchEnd: async (context) => {
        if (context.step === 4) await saveCheckpoint(checkpoint, context.learner, context.snapshot());
      },
    };
    const whole = tinyLearner(device);
    await fit(tinyFit(whole, { callbacks: [saving] }));
    const wanted = fingerprint(whole);
    await whole.close();
    const resumed = tinyLearner(device);
    await steps(resumed, 1);
    const resume: FitState = await loadCheckpoint(checkpoint, resumed);
    await fit(tinyFit(resumed, { resume }));
    expect(fingerprint(resumed)).toEqual(wanted);
    await resumed.close();
    await rm(folder, { recursive: true });
  });

  it('is looked through for a learning rate, and left as it was', async () => {
    const learner = tinyLearner(device);
    const before = fingerprint(learner);
    const options = { learner, train: new Discs({ count: 10, batchSize: 4 }), classNames: ['a', 'b'] };
    const { points } = await findLr({ ...options, steps: 30 });
    expect(points.length).toBeGreaterThan(10);
    expect(fingerprint(learner)).toEqual(before);
    await learner.close();
  });
});
