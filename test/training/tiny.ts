/** A small model and batches in memory, for the tests of training. */
import type { Batch } from '../../src/data/dataset.js';
import type { Tensor } from '../../src/graph/index.js';
import { concat, mul, relu, softplus, sub, sum } from '../../src/graph/index.js';
import {
  binaryCrossEntropy,
  BatchNorm2d,
  Conv2d,
  dice,
  Dropout,
  Module,
  targetPlanes,
} from '../../src/nn/index.js';
import type { Loss, LossTerm } from '../../src/nn/index.js';
import { Adam } from '../../src/optim/index.js';
import { Random } from '../../src/random/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import type { BatchSource, FitOptions, LearnerOptions } from '../../src/training/index.js';
import { Learner } from '../../src/training/index.js';

export const CLASSES = ['background', 'disc'];

/** Two convolutions with all that makes resuming hard: batch norm (running statistics) and dropout (masks). */
export class TinyNet extends Module {
  readonly first: Conv2d;
  readonly norm: BatchNorm2d;
  readonly drop = new Dropout(0.25);
  readonly second: Conv2d;
  readonly head: Conv2d;

  constructor(readonly width = 4) {
    super();
    this.first = new Conv2d(1, width, 3, { padding: 1, bias: false });
    this.norm = new BatchNorm2d(width);
    this.second = new Conv2d(width, width, 3, { padding: 1 });
    this.head = new Conv2d(2 * width, 1, 1);
  }

  forward(x: Tensor): Tensor {
    const first = relu(this.norm.forward(this.first.forward(x)));
    const second = relu(this.second.forward(this.drop.forward(first)));
    return this.head.forward(concat([first, second], 1));
  }
}

/** One convolution: nothing random, nothing that looks at the whole batch. */
export class PlainNet extends Module {
  readonly head = new Conv2d(1, 1, 3, { padding: 1 });

  forward(x: Tensor): Tensor {
    return this.head.forward(x);
  }
}

export const BCE_DICE: readonly LossTerm[] = [
  { name: 'bce', weight: 0.7, loss: binaryCrossEntropy() },
  { name: 'dice', weight: 0.3, loss: dice() },
];

/** Σ over pixels, of samples of one size: what a large batch sums too. */
export const pixelMean: Loss = (logits, target) => {
  const { planes } = targetPlanes(logits, target);
  return mul(sum(sub(softplus(logits), mul(logits, planes))), 1 / logits.size);
};

export function tinyLearner(runtime: Runtime, changes: Partial<LearnerOptions> = {}): Learner {
  return new Learner({
    model: new TinyNet(),
    loss: BCE_DICE,
    optimizer: (parameters) => new Adam(parameters, { lr: 5e-3 }),
    runtime,
    seed: 3,
    ...changes,
  });
}

export interface DiscOptions {
  readonly count: number;
  readonly batchSize: number;
  readonly size?: number;
  readonly seed?: number;
  /** Whether every epoch has an order of its own; default true. */
  readonly shuffle?: boolean;
}

/** Noisy discs of class 1, brighter than what surrounds them; a few pixels are ignored. */
export class Discs implements BatchSource {
  readonly length: number;
  /** Which batches were asked for: epoch and first batch. */
  readonly asked: [epoch: number, from: number][] = [];

  constructor(private readonly options: DiscOptions) {
    this.length = Math.ceil(options.count / options.batchSize);
  }

  /** The batch of the given samples. */
  batchOf(samples: readonly number[]): Batch {
    const { size = 16, seed = 1 } = this.options;
    const images = new Float32Array(samples.length * size * size);
    const masks = new Uint8Array(samples.length * size * size);
    samples.forEach((sample, n) => {
      const random = new Random(seed, 'disc', sample);
      const [cx, cy, radius] = [random.uniform(4, 12), random.uniform(4, 12), random.uniform(2, 5)];
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          const at = (n * size + y) * size + x;
          const inside = Math.hypot(x - cx, y - cy) < radius;
          masks[at] = random.chance(0.02) ? 255 : inside ? 1 : 0;
          images[at] = (inside ? 0.7 : -0.7) + random.normal();
        }
      }
    });
    return {
      ids: samples.map((sample) => `disc ${sample}`),
      size: samples.length,
      channels: 1,
      height: size,
      width: size,
      images,
      masks,
    };
  }

  async *epoch(epoch: number, { from = 0 }: { readonly from?: number } = {}): AsyncGenerator<Batch> {
    this.asked.push([epoch, from]);
    const { count, batchSize, seed = 1, shuffle = true } = this.options;
    const order = Array.from({ length: count }, (_, i) => i);
    if (shuffle) new Random(seed, 'shuffle', epoch).shuffle(order);
    for (let b = from; b < this.length; b++)
      yield this.batchOf(order.slice(b * batchSize, (b + 1) * batchSize));
  }
}

/** What `fit` needs beside a learner: ten images in batches of four, six to validate on. */
export function tinyFit(learner: Learner, changes: Partial<FitOptions> = {}): FitOptions {
  return {
    learner,
    train: new Discs({ count: 10, batchSize: 4 }),
    valid: new Discs({ count: 6, batchSize: 4, seed: 2, shuffle: false }),
    classNames: CLASSES,
    epochs: 2,
    ...changes,
  };
}

/** Everything that a learner is made of, as bytes in hexadecimal: equal texts are equal runs. */
export function fingerprint(learner: Learner): Record<string, string> {
  const { groups, moments } = learner.optimizer.state();
  return {
    ...Object.fromEntries(learner.state.stateDict().map(({ name, data }) => [name, hex(data)])),
    ...Object.fromEntries(Object.entries(moments).map(([name, data]) => [name, hex(data)])),
    groups: JSON.stringify(groups),
    batches: String(learner.batches),
  };
}

const hex = (data: Float32Array) =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');

/** The history without what a clock has measured. */
export function withoutTimes(history: readonly object[]): object[] {
  return history.map((record) => ({ ...record, seconds: 0, waitSeconds: 0, imagesPerSecond: 0 }));
}
