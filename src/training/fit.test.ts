import { flat, flatSlots } from '../../test/support/flat.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { binaryCrossEntropy } from '../nn/index.js';
import { Adam, SGD } from '../optim/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import {
  CLASSES,
  Discs,
  fingerprint,
  pixelMean,
  PlainNet,
  tinyFit,
  tinyLearner,
  withoutTimes,
} from '../../test/training/tiny.js';
import type { Callback, EpochRecord, FitContext } from './index.js';
import { earlyStopping, fit, gradientClipping } from './index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

const STAGES = [
  'fitStart',
  'epochStart',
  'batchStart',
  'backwardEnd',
  'batchEnd',
  'validStart',
  'validBatchEnd',
  'validEnd',
  'epochEnd',
  'interrupted',
  'fitEnd',
] as const;

/** Tells every stage to `tell`. */
function listener(tell: (stage: (typeof STAGES)[number], context: FitContext) => void, name = 'listener') {
  const stages = STAGES.map((stage) => [stage, (context: FitContext) => tell(stage, context)]);
  return { name, ...Object.fromEntries(stages) } as Callback;
}

/** A callback that does nothing but its name. */
const named = (name: string, stages: Partial<Callback> = {}): Callback => ({ name, ...stages });

describe('fit', () => {
  it('calls callbacks in the order of the life cycle', async () => {
    const learner = tinyLearner(runtime);
    const lines: string[] = [];
    const log = listener((stage, { epoch, batch, step }) => lines.push(`${stage} ${epoch}/${batch}/${step}`));
    const result = await fit(tinyFit(learner, { epochs: 1, callbacks: [log] }));
    expect(result).toMatchObject({ stopped: 'epochs', epochs: 1, steps: 3 });
    // epoch/batch/step done at each stage
    expect(lines).toMatchInlineSnapshot(`
      [
        "fitStart 0/0/0",
        "epochStart 0/0/0",
        "batchStart 0/0/0",
        "backwardEnd 0/0/0",
        "batchEnd 0/1/1",
        "batchStart 0/1/1",
        "backwardEnd 0/1/1",
        "batchEnd 0/2/2",
        "batchStart 0/2/2",
        "backwardEnd 0/2/2",
        "batchEnd 0/3/3",
        "validStart 0/3/3",
        "validBatchEnd 0/3/3",
        "validBatchEnd 0/3/3",
        "validEnd 0/3/3",
        "epochEnd 1/0/3",
        "fitEnd 1/0/3",
      ]
    `);
    await learner.close();
  });

  it('calls callbacks in the order given, and waits for each', async () => {
    const learner = tinyLearner(runtime);
    const lines: string[] = [];
    const slow = named('slow', {
      async epochStart() {
        await new Promise((resolve) => setTimeout(resolve, 5));
        lines.push('slow');
      },
    });
    const quick = named('quick', { epochStart: () => void lines.push('quick') });
    await fit(tinyFit(learner, { epochs: 1, callbacks: [slow, quick], valid: undefined }));
    expect(lines).toEqual(['slow', 'quick']);
    await learner.close();
  });

  it.each(STAGES.filter((stage) => stage !== 'interrupted'))(
    'names the callback and the stage of an error (%s)',
    async (broken) => {
      const learner = tinyLearner(runtime);
      const cause = new TypeError('x is undefined');
      const callback = listener((stage) => {
        if (stage === broken) throw cause;
      }, 'drawing');
      const running = fit(tinyFit(learner, { epochs: 1, callbacks: [callback] }));
      await expect(running).rejects.toMatchObject({
        code: 'callback',
        message: `callback "drawing" failed at ${broken}: x is undefined`,
        cause,
      });
      await learner.close();
    },
  );

  it('keeps the code of an error that a person can act on', async () => {
    const learner = tinyLearner(runtime);
    const callbacks = [gradientClipping({ norm: -1 })];
    await expect(fit(tinyFit(learner, { callbacks }))).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(
        /^callback "gradientClipping" failed at backwardEnd: .*maxNorm/,
      ) as string,
    });
    await learner.close();
  });

  it('records every epoch', async () => {
    const learner = tinyLearner(runtime, {
      optimizer: (parameters) => new Adam(parameters, { lr: 5e-3 }),
    });
    const seen: EpochRecord[] = [];
    const keep = named('keep', { epochEnd: (_, record) => void seen.push(record) });
    const { history } = await fit(tinyFit(learner, { epochs: 12, callbacks: [keep] }));
    expect(history).toEqual(seen);
    expect(history.map(({ epoch, step }) => [epoch, step])).toEqual(
      Array.from({ length: 12 }, (_, i) => [i + 1, 3 * (i + 1)]),
    );
    const [first, last] = [history[0]!, history[11]!];
    expect(first).toMatchObject({ lr: 5e-3, train: { samples: 10 }, valid: { samples: 6 } });
    expect(first.seconds).toBeGreaterThan(0);
    expect(first.imagesPerSecond).toBeCloseTo(10 / first.seconds, 6);
    expect(first.waitSeconds).toBeGreaterThanOrEqual(0);
    expect(first.waitSeconds).toBeLessThan(first.seconds);
    expect(last.train.loss).toBeLessThan(first.train.loss! * 0.9);
    expect(last.valid!.dice).toBeGreaterThan(0.5);
    for (const part of [last.train, last.valid!]) {
      expect(part.loss).toBeCloseTo(0.7 * part.losses!.bce! + 0.3 * part.losses!.dice!, 5);
      expect(part.classes.map(({ name }) => name)).toEqual(CLASSES);
    }
    await learner.close();
  });

  it('gives a short last batch a graph of its own, and losses weigh by samples', async () => {
    const learner = tinyLearner(runtime, { model: new PlainNet(), loss: binaryCrossEntropy() });
    const losses: [size: number, loss: number][] = [];
    const keep = named('keep', { batchEnd: (_, e) => void losses.push([e.batch.size, e.output.loss]) });
    const { history } = await fit(tinyFit(learner, { epochs: 1, callbacks: [keep], valid: undefined }));
    expect(losses.map(([size]) => size)).toEqual([4, 4, 2]);
    const mean = losses.reduce((total, [size, loss]) => total + size * loss, 0) / 10;
    expect(history[0]!.train.loss).toBeCloseTo(mean, 12);
    await learner.close();
  });

  it('scores validation alike whatever its batches', async () => {
    const learner = tinyLearner(runtime);
    await fit(tinyFit(learner, { epochs: 2, valid: undefined }));
    const scores = [];
    for (const batchSize of [1, 2, 4, 6]) {
      const clone = tinyLearner(runtime, {
        // Dice pooled over a batch depends on the batch by its definition: scores and BCE do not.
        loss: binaryCrossEntropy(),
        optimizer: (parameters) => new SGD(parameters, { lr: 0 }),
      });
      // A training batch comes first and moves the running statistics: alike for all.
      clone.state.loadStateDict(learner.state.stateDict());
      const valid = new Discs({ count: 6, batchSize, seed: 2, shuffle: false });
      const { history } = await fit(
        tinyFit(clone, { epochs: 1, valid, train: new Discs({ count: 1, batchSize: 1 }) }),
      );
      scores.push(history[0]!.valid!);
      await clone.close();
    }
    for (const other of scores.slice(1)) {
      const { loss, losses: _losses, ...rest } = other;
      const { loss: wanted, losses: _wantedLosses, ...wantedRest } = scores[0]!;
      expect(rest).toEqual(wantedRest);
      // The mean of BCE over pixels that are not ignored: batches differ by a pixel or two.
      expect(loss).toBeCloseTo(wanted!, 2);
    }
    await learner.close();
  });

  it('stops after epochs without improvement', async () => {
    const learner = tinyLearner(runtime, { optimizer: (parameters) => new SGD(parameters, { lr: 0 }) });
    // Nothing learns, so the loss of training never gets better by more than noise of the masks.
    const patience = earlyStopping({ monitor: { metric: 'loss', part: 'train' }, patience: 2, minDelta: 1 });
    const result = await fit(tinyFit(learner, { epochs: 9, callbacks: [patience] }));
    expect(result).toMatchObject({ stopped: 'patience', epochs: 3 });
    await learner.close();
  });

  it('ends in the middle of an epoch when its steps are used up', async () => {
    const learner = tinyLearner(runtime);
    const lines: string[] = [];
    const log = listener((stage) => void lines.push(stage));
    const result = await fit(tinyFit(learner, { epochs: 5, maxSteps: 4, callbacks: [log] }));
    expect(result).toMatchObject({ stopped: 'minutes', epochs: 2, steps: 4 });
    expect(result.history.map((record) => record.train.samples)).toEqual([10, 4]);
    expect(result.history[1]!.valid!.samples).toBe(6);
    expect(lines.filter((stage) => stage === 'epochEnd')).toHaveLength(2);
    expect(lines).not.toContain('interrupted');
    await learner.close();
  });

  it('finishes the running step when interrupted, inside of an epoch', async () => {
    const learner = tinyLearner(runtime);
    const abort = new AbortController();
    const lines: string[] = [];
    const log = listener((stage, { step }) => {
      if (stage === 'batchStart' && step === 4) abort.abort();
      if (step === 5) lines.push(stage);
    });
    const result = await fit(tinyFit(learner, { epochs: 5, callbacks: [log], signal: abort.signal }));
    expect(result).toMatchObject({ stopped: 'interrupted', epochs: 1, steps: 5 });
    expect(lines).toEqual(['batchEnd', 'interrupted', 'fitEnd']);
    await learner.close();
  });

  it('is interrupted also when a callback has asked for an end after this epoch', async () => {
    const learner = tinyLearner(runtime);
    const abort = new AbortController();
    const asking = named('asking', {
      batchEnd(context) {
        context.stop('minutes');
        abort.abort();
      },
    });
    const result = await fit(tinyFit(learner, { callbacks: [asking], signal: abort.signal }));
    expect(result).toMatchObject({ stopped: 'interrupted', epochs: 0, steps: 1 });
    await learner.close();
  });

  it('keeps the end of a run of so many steps that is interrupted at its last one', async () => {
    const learner = tinyLearner(runtime);
    const abort = new AbortController();
    const aborting = named('aborting', {
      batchEnd: ({ step }) => (step === 4 ? abort.abort() : undefined),
    });
    const running = { epochs: 3, maxSteps: 4, callbacks: [aborting], signal: abort.signal };
    const result = await fit(tinyFit(learner, running));
    expect(result).toMatchObject({ epochs: 2, steps: 4 });
    expect(result.history).toHaveLength(2);
    expect(result.history[1]).toHaveProperty('valid');
    await learner.close();
  });

  it('gives equal bytes for one seed, and others for another', async () => {
    const run = async (seed: number) => {
      const learner = tinyLearner(runtime, { seed });
      const { history } = await fit(tinyFit(learner));
      const bytes = fingerprint(learner);
      await learner.close();
      return { bytes, history: withoutTimes(history) };
    };
    const [first, again, other] = [await run(3), await run(3), await run(4)];
    expect(again).toEqual(first);
    expect(other.bytes['head.weight']).not.toBe(first.bytes['head.weight']);
  });

  it('says what is off', async () => {
    const learner = tinyLearner(runtime);
    const run = (changes: Parameters<typeof tinyFit>[1]) => fit(tinyFit(learner, changes));
    await expect(run({ epochs: 0 })).rejects.toThrow('epochs must be a whole number from 1, not 0');
    await expect(run({ accumulate: 1.5 })).rejects.toThrow(
      'accumulate must be a whole number from 1, not 1.5',
    );
    await expect(run({ callbacks: [named('a'), named('a')] })).rejects.toThrow('two callbacks are named "a"');
    const none = new Discs({ count: 0, batchSize: 4 });
    await expect(run({ train: none })).rejects.toThrow(/fewer samples than a batch/);
    await learner.close();
  });
});

describe('gradient accumulation', () => {
  it.each([
    ['batches of 2, two a step', 2, 2],
    ['batches of 1, four a step', 1, 4],
    ['batches of 3, two a step, the last short', 3, 2],
  ])('equals the large batch: %s', async (_, batchSize, accumulate) => {
    const run = async (size: number, every: number) => {
      const learner = tinyLearner(runtime, {
        model: new PlainNet(),
        loss: pixelMean,
        optimizer: (parameters) => new SGD(parameters, { lr: 0.3, momentum: 0.9 }),
      });
      const train = new Discs({ count: 10, batchSize: size });
      const result = await fit(tinyFit(learner, { train, accumulate: every, valid: undefined, epochs: 3 }));
      const weights = flatSlots(learner.state.trainable);
      await learner.close();
      return { steps: result.steps, weights };
    };
    const large = await run(batchSize * accumulate, 1);
    const small = await run(batchSize, accumulate);
    expect(small.steps).toBe(large.steps);
    small.weights.forEach((weight, i) => expect(weight).toBeCloseTo(large.weights[i]!, 5));
  });

  it('clips the whole step, and is only interrupted between steps', async () => {
    const learner = tinyLearner(runtime);
    const abort = new AbortController();
    const norms: number[] = [];
    const count = named('count', {
      backwardEnd: ({ learner: { gradients } }) => void norms.push(Math.hypot(...flat(gradients))),
      batchEnd: (context) => (context.batch === 1 ? abort.abort() : undefined),
    });
    const train = new Discs({ count: 10, batchSize: 2 });
    const callbacks = [gradientClipping({ norm: 0.01 }), count];
    const result = await fit(tinyFit(learner, { train, accumulate: 2, callbacks, signal: abort.signal }));
    expect(result).toMatchObject({ stopped: 'interrupted', steps: 1 });
    expect(norms).toHaveLength(1);
    expect(norms[0]).toBeCloseTo(0.01, 6);
    await learner.close();
  });
});

describe('gradientClipping', () => {
  it('bounds every gradient', async () => {
    const learner = tinyLearner(runtime);
    let largest = 0;
    const look = named('look', {
      backwardEnd: ({ learner: { gradients } }) => {
        largest = Math.max(largest, ...flat(gradients).map(Math.abs));
      },
    });
    await fit(tinyFit(learner, { epochs: 1, callbacks: [gradientClipping({ value: 1e-3 }), look] }));
    expect(largest).toBe(Math.fround(1e-3));
    await learner.close();
  });
});
