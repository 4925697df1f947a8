import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { CapturedStream } from '../../test/captured-stream.js';
import { Discs, tinyFit, tinyLearner } from '../../test/training/tiny.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { fit } from '../training/index.js';
import { Output } from './output.js';
import { Progress } from './progress.js';
import { epochHead, epochLine, trainingDisplay } from './training-display.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());
afterEach(() => vi.restoreAllMocks());

describe('the display of training', () => {
  // Ten images in batches of two: five batches an epoch.
  it.each([
    ['whole epochs', { epochs: 2 }, 20],
    ['whole epochs, a step of two batches', { epochs: 2, accumulate: 2 }, 20],
    ['a number of steps', { epochs: 2, maxSteps: 7 }, 14],
    ['a number of steps of two batches', { epochs: 2, maxSteps: 4, accumulate: 2 }, 14],
    [
      'a number of steps of two batches, to the end of an epoch',
      { epochs: 1, maxSteps: 3, accumulate: 2 },
      10,
    ],
  ])('knows how many images there will be: %s', async (_, settings, images) => {
    const update = vi.spyOn(Progress.prototype, 'update');
    const output = new Output({
      stdout: new CapturedStream(false),
      stderr: new CapturedStream(false),
      json: false,
      env: {},
    });
    const learner = tinyLearner(runtime);
    const train = new Discs({ count: 10, batchSize: 2 });
    await fit(tinyFit(learner, { train, ...settings, callbacks: [trainingDisplay(output)] }));
    await learner.close();
    const shown = update.mock.calls.flatMap(([{ done, total }]) =>
      total === undefined ? [] : [{ done, total }],
    );
    expect(new Set(shown.map(({ total }) => total))).toEqual(new Set([images]));
    expect(shown.at(-1)!.done).toBe(images);
  });
});

describe('the line of an epoch', () => {
  const scores = {
    samples: 4,
    loss: 0.21304,
    pixelAccuracy: 0.9514,
    meanIoU: 0.8731,
    meanDice: null,
    classes: [],
  };
  const record = {
    epoch: 3,
    step: 1,
    lr: 1,
    seconds: 4000,
    waitSeconds: 0,
    imagesPerSecond: 812.3,
    train: { ...scores, loss: 123456.789 },
    valid: scores,
  };

  it('stands in columns under their heads, in 80 characters', () => {
    expect([epochHead(1000, record), epochLine(record, 1000)]).toEqual([
      'epoch               loss  valid loss  accuracy  mean IoU   Dice     time   img/s',
      'epoch    3/1000   1.2e+5      0.2130     0.951     0.873      –  1:06:40     812',
    ]);
    expect(epochLine(record, 1000).length).toBeLessThanOrEqual(80);
  });

  it('has the training scores where there is no validation part, and tells of waiting for data', () => {
    const { valid: _, ...alone } = record;
    expect([epochHead(20, {}), epochLine({ ...alone, waitSeconds: 400 }, 20)]).toEqual([
      'epoch           loss  accuracy  mean IoU   Dice     time   img/s',
      'epoch  3/20   1.2e+5     0.951     0.873      –  1:06:40     812\n' +
        '             10% of the time was spent waiting for data',
    ]);
  });
});
