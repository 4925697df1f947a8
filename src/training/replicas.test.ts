import { flatSlots } from '../../test/support/flat.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BCE_DICE, CLASSES, Discs, tinyLearner, withoutTimes } from '../../test/training/tiny.js';
import type { Batch } from '../data/dataset.js';
import type { Communicator } from '../distributed/index.js';
import { asRanks, evenShare } from '../distributed/index.js';
import type { Tensor } from '../graph/index.js';
import { relu } from '../graph/index.js';
import type { LossTerm } from '../nn/index.js';
import {
  binaryCrossEntropy,
  boundaryCrossEntropy,
  Conv2d,
  crossEntropy,
  dice,
  Dropout,
  focal,
  Module,
} from '../nn/index.js';
import { Adam, SGD } from '../optim/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { earlyStopping } from './callbacks/early-stopping.js';
import type { BatchSource } from './fit.js';
import { fit } from './fit.js';
import { Learner } from './learner.js';
import { Replicas } from './replicas.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

/** Two convolutions and dropout: nothing that looks at the whole batch. */
class Net extends Module {
  readonly first = new Conv2d(1, 4, 3, { padding: 1 });
  readonly drop = new Dropout(0.25);
  readonly second: Conv2d;

  constructor(channels: number) {
    super();
    this.second = new Conv2d(4, channels, 3, { padding: 1 });
  }

  forward(x: Tensor): Tensor {
    return this.second.forward(this.drop.forward(relu(this.first.forward(x))));
  }
}

/** One rank's part of every batch. */
function partOf(source: BatchSource, { rank, size }: Communicator): BatchSource {
  return {
    length: source.length,
    async *epoch(epoch, options) {
      for await (const batch of source.epoch(epoch, options)) {
        const { from, to } = evenShare(batch.size, rank, size);
        const [image, mask] = [batch.channels * batch.height * batch.width, batch.height * batch.width];
        yield {
          ...batch,
          ids: batch.ids.slice(from, to),
          size: to - from,
          first: from,
          images: batch.images.slice(from * image, to * image),
          masks: batch.masks.slice(from * mask, to * mask),
        } satisfies Batch;
      }
    },
  };
}

interface Run {
  readonly losses: readonly number[];
  readonly weights: Float32Array;
  readonly history: readonly object[];
  readonly learner: Learner;
}

interface Settings {
  readonly loss: readonly LossTerm[];
  readonly channels: number;
  readonly optimizer?: 'sgd';
  readonly accumulate?: number;
  readonly allReduce?: 'float16';
}

/** 20 steps in batches of 8, of which each epoch's last holds 3: with four ranks one of them has none. */
async function run(settings: Settings, communicator?: Communicator): Promise<Run> {
  const { loss, channels, accumulate = 1, allReduce, optimizer } = settings;
  const learner = new Learner({
    model: new Net(channels),
    loss,
    optimizer: (parameters) =>
      optimizer === 'sgd' ? new SGD(parameters, { lr: 0.1 }) : new Adam(parameters, { lr: 5e-3 }),
    runtime,
    seed: 3,
    replicas: communicator && new Replicas(communicator, { allReduce }),
  });
  const own = (source: BatchSource) => (communicator ? partOf(source, communicator) : source);
  const losses: number[] = [];
  const { history } = await fit({
    learner,
    train: own(new Discs({ count: 19, batchSize: 8 })),
    valid: own(new Discs({ count: 6, batchSize: 4, seed: 2, shuffle: false })),
    classNames: CLASSES,
    epochs: 7,
    maxSteps: 20,
    accumulate,
    callbacks: [{ name: 'losses', batchEnd: (_, { output }) => void losses.push(output.loss) }],
  });
  await learner.close();
  return { losses, weights: flatSlots(learner.state.trainable), history, learner };
}

const farthest = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
};

const one = (loss: LossTerm['loss']): LossTerm[] => [{ name: 'loss', weight: 1, loss }];

const MEANS: readonly [string, Settings][] = [
  ['bce', { loss: one(binaryCrossEntropy()), channels: 1 }],
  ['bce, weighted', { loss: one(binaryCrossEntropy({ positiveWeight: 3 })), channels: 1 }],
  ['cross-entropy', { loss: one(crossEntropy()), channels: 2 }],
  ['cross-entropy, class weights', { loss: one(crossEntropy({ classWeights: [0.3, 2] })), channels: 2 }],
  ['cross-entropy, smoothed', { loss: one(crossEntropy({ labelSmoothing: 0.1 })), channels: 2 }],
  ['focal', { loss: one(focal({ classWeights: [1, 4] })), channels: 1 }],
  ['boundary', { loss: one(boundaryCrossEntropy()), channels: 1 }],
  [
    'a sum with other divisors',
    {
      loss: [
        { name: 'weighted', weight: 0.7, loss: crossEntropy({ classWeights: [0.2, 5] }) },
        { name: 'plain', weight: 2, loss: crossEntropy() },
        { name: 'dice', weight: 0.5, loss: dice({ perImage: true }) },
      ],
      channels: 2,
    },
  ],
];

describe('ranks that train as one', () => {
  it.each(MEANS)('%s: 2 ranks of 4 and 4 ranks of 2 are one of 8', async (_name, settings) => {
    const whole = await run(settings);
    expect(whole.losses).toHaveLength(20);
    for (const size of [2, 4]) {
      const ranks = await asRanks(size, (communicator) => run(settings, communicator));
      for (const rank of ranks) {
        expect(farthest(rank.losses, whole.losses)).toBeLessThan(1e-5);
        expect(farthest(rank.weights, whole.weights)).toBeLessThan(1e-4);
        expect(rank.weights).toEqual(ranks[0]!.weights);
      }
      // Scores come from the same pixels; a pixel on the edge between two classes may fall to either side.
      const [last, wanted] = [ranks[0]!.history.at(-1), whole.history.at(-1)] as {
        valid: { loss: number; meanIoU: number; samples: number };
      }[];
      expect(last!.valid.samples).toBe(6);
      expect(last!.valid.loss).toBeCloseTo(wanted!.valid.loss, 5);
      expect(last!.valid.meanIoU).toBeCloseTo(wanted!.valid.meanIoU, 2);
    }
  });

  it('keep equal records, so that they decide alike', async () => {
    const ranks = await asRanks(3, (communicator) => run(MEANS[0]![1], communicator));
    const told = ranks.map(({ history }) =>
      withoutTimes(history).map((record) => ({ ...record, allReduceSeconds: 0 })),
    );
    expect(told[0]).toHaveLength(7);
    for (const rank of told) expect(rank).toEqual(told[0]);
    const record = ranks[0]!.history[0]!;
    expect(record).toMatchObject({ ranks: 3, train: { samples: 19 } });
  });

  it('accumulate before they meet', async () => {
    const settings: Settings = { ...MEANS[3]![1], accumulate: 3 };
    const whole = await run(settings);
    for (const rank of await asRanks(2, (communicator) => run(settings, communicator))) {
      expect(farthest(rank.losses, whole.losses)).toBeLessThan(1e-5);
      expect(farthest(rank.weights, whole.weights)).toBeLessThan(1e-4);
    }
  });

  it('stay alike, and near the whole, when gradients go in half precision', async () => {
    const settings: Settings = { ...MEANS[0]![1], optimizer: 'sgd' };
    const whole = await run(settings);
    const ranks = await asRanks(3, (communicator) =>
      run({ ...settings, allReduce: 'float16' }, communicator),
    );
    for (const rank of ranks) {
      expect(rank.weights).toEqual(ranks[0]!.weights);
      expect(farthest(rank.losses, whole.losses)).toBeLessThan(2e-3);
    }
    expect(ranks[0]!.weights).not.toEqual(whole.weights);
  });

  it('have the running statistics of batch norm in common after an epoch, and stop together', async () => {
    const ranks = await asRanks(2, async (communicator) => {
      const learner = tinyLearner(runtime, { loss: BCE_DICE, replicas: new Replicas(communicator) });
      const before: Float32Array[] = [];
      const abort = new AbortController();
      const result = await fit({
        learner,
        train: partOf(new Discs({ count: 10, batchSize: 4 }), communicator),
        valid: partOf(new Discs({ count: 6, batchSize: 4, seed: 2, shuffle: false }), communicator),
        classNames: CLASSES,
        epochs: 9,
        signal: abort.signal,
        callbacks: [
          earlyStopping({ monitor: { metric: 'loss', part: 'valid' }, patience: 8 }),
          {
            name: 'look',
            batchEnd({ batch, epoch }) {
              if (batch === 3) before.push(flatSlots(learner.state.fixed));
              // One rank alone is asked to stop, in the second batch of the third epoch.
              if (communicator.rank === 1 && epoch === 2 && batch === 2) abort.abort();
            },
          },
        ],
      });
      await learner.close();
      return { result, before, rest: flatSlots(learner.state.fixed) };
    });
    expect(ranks[0]!.before[0]).not.toEqual(ranks[1]!.before[0]);
    expect(ranks[0]!.rest).toEqual(ranks[1]!.rest);
    for (const { result } of ranks)
      expect(result).toMatchObject({ stopped: 'interrupted', epochs: 2, steps: 8 });
  });

  it('fail together where the loss of one is no number', async () => {
    const failures = await asRanks(2, async (communicator) => {
      const learner = tinyLearner(runtime, { replicas: new Replicas(communicator) });
      const batch = new Discs({ count: 2, batchSize: 2 }).batchOf([communicator.rank]);
      if (communicator.rank === 1) batch.images[5] = NaN;
      const failure = await learner.backward(batch).catch((error: Error) => error);
      await learner.close();
      return failure;
    });
    expect(failures[0]).toMatchObject({ name: 'OtherRankError', code: 'non-finite' });
    expect(failures[1]).toMatchObject({
      code: 'non-finite',
      message: expect.stringContaining('disc 1') as string,
    });
  });

  it('notice that their weights have come apart', async () => {
    const checks = await asRanks(2, async (communicator) =>
      new Replicas(communicator)
        .checkAlike([Float32Array.of(1, 2, communicator.rank === 0 ? 3 : 3.0000002)])
        .catch((error: Error) => error.message),
    );
    for (const message of checks) expect(message).toMatch(/no longer have the same weights/);
  });
});
