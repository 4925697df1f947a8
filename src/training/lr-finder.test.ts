import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CLASSES,
  Discs,
  fingerprint,
  pixelMean,
  PlainNet,
  tinyFit,
  tinyLearner,
} from '../../test/training/tiny.js';
import type { TrainedWeight } from '../optim/index.js';
import { Adam, SGD } from '../optim/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { Learner, LrFinderOptions, LrPoint } from './index.js';
import { findLr, fit } from './index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

const train = new Discs({ count: 32, batchSize: 4 });
const find = (learner: Learner, changes: Partial<LrFinderOptions> = {}) =>
  findLr({ learner, train, classNames: CLASSES, ...changes });

describe('findLr', () => {
  it.each([
    ['a fresh learner', false],
    ['one that has been trained', true],
  ])('leaves %s as it was, bit for bit', async (_, trained) => {
    const [learner, other] = [tinyLearner(runtime), tinyLearner(runtime)];
    for (const each of [learner, other]) if (trained) await fit(tinyFit(each));
    const before = fingerprint(learner);
    const { points } = await find(learner, { steps: 40 });
    expect(points.length).toBeGreaterThan(20);
    expect(fingerprint(learner)).toEqual(before);
    // What comes next is as if nothing had been.
    await fit(tinyFit(learner));
    await fit(tinyFit(other));
    expect(fingerprint(learner)).toEqual(fingerprint(other));
    await learner.close();
    await other.close();
  });

  it('sweeps the rate from end to end, in equal factors', async () => {
    const learner = tinyLearner(runtime);
    const seen: LrPoint[] = [];
    const { points, diverged } = await find(learner, {
      startLr: 1e-5,
      endLr: 1e-2,
      steps: 31,
      onPoint: (point) => seen.push(point),
    });
    expect(diverged).toBe(false);
    expect(points).toEqual(seen);
    points.forEach(({ lr }, i) => expect(Math.log10(lr)).toBeCloseTo(-5 + i / 10, 9));
    await learner.close();
  });

  it('smooths with bias correction', async () => {
    const learner = tinyLearner(runtime);
    const { points } = await find(learner, { steps: 12, endLr: 1e-3, smoothing: 0.8 });
    let average = 0;
    points.forEach(({ loss, smoothed }, i) => {
      average = 0.8 * average + 0.2 * loss;
      expect(smoothed).toBeCloseTo(average / (1 - 0.8 ** (i + 1)), 12);
    });
    expect(points[0]!.smoothed).toBeCloseTo(points[0]!.loss, 12);
    await learner.close();
  });

  it('makes a step of several batches, as training with accumulation does', async () => {
    const run = async (batchSize: number, accumulate: number) => {
      const learner = tinyLearner(runtime, {
        model: new PlainNet(),
        loss: pixelMean,
        optimizer: (p) => new SGD(p, { lr: 1 }),
      });
      // Twenty samples: of the batches of 2, three a step, the last step of an epoch has one.
      const source = new Discs({ count: 20, batchSize });
      const { points } = await find(learner, { train: source, accumulate, steps: 20, startLr: 1e-2 });
      await learner.close();
      return points;
    };
    const [large, small] = [await run(6, 1), await run(2, 3)];
    expect(small).toHaveLength(large.length);
    small.forEach(({ lr, loss }, i) => {
      expect(lr).toBe(large[i]!.lr);
      expect(loss).toBeCloseTo(large[i]!.loss, 5);
    });
  });

  it.each([
    ['the loss runs away', 1e4, 4],
    ['numbers overflow', 1e30, Infinity],
  ])('stops where %s', async (_, endLr, divergence) => {
    const learner = tinyLearner(runtime, { optimizer: (p) => new SGD(p, { lr: 1 }) });
    const before = fingerprint(learner);
    const { points, diverged, suggestion } = await find(learner, { endLr, divergence, smoothing: 0.5 });
    expect(diverged).toBe(true);
    expect(points.length).toBeLessThan(100);
    if (Number.isFinite(divergence)) expect(suggestion).toBeLessThan(100);
    expect(fingerprint(learner)).toEqual(before);
    await learner.close();
  });

  it.each([
    ['Adam', (p: readonly TrainedWeight[]) => new Adam(p)],
    ['SGD', (p: readonly TrainedWeight[]) => new SGD(p, { momentum: 0.9 })],
  ])('suggests a rate near one that learns best (%s)', async (_, optimizer) => {
    const learner = tinyLearner(runtime, { optimizer });
    const { suggestion } = await find(learner);
    const start = await learner.capture();
    const grid = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1];
    const losses: number[] = [];
    for (const lr of grid) {
      await learner.restore(start);
      learner.optimizer.groups[0]!.lr = lr;
      const { history } = await fit({ ...tinyFit(learner), train, epochs: 14 });
      losses.push(history.at(-1)!.valid!.loss!);
    }
    const good = grid.filter((_lr, i) => losses[i]! < 1.1 * Math.min(...losses));
    expect(Math.min(...good.map((lr) => Math.abs(Math.log(suggestion / lr))))).toBeLessThan(Math.log(3));
    await learner.close();
  });

  it('can be interrupted, and passes on errors that are no divergence', async () => {
    const learner = tinyLearner(runtime);
    const before = fingerprint(learner);
    const abort = new AbortController();
    const stop = (point: LrPoint) => void (point.lr > 1e-5 && abort.abort(new Error('enough')));
    await expect(find(learner, { signal: abort.signal, onPoint: stop })).rejects.toThrow('enough');
    expect(fingerprint(learner)).toEqual(before);

    const broken = new Discs({ count: 4, batchSize: 4 });
    const whole = broken.batchOf([0, 1, 2, 3]);
    whole.images[0] = NaN;
    broken.batchOf = () => whole;
    await expect(find(learner, { train: broken })).rejects.toThrow(/image "disc 0" holds/);
    expect(fingerprint(learner)).toEqual(before);
    await learner.close();
  });
});
