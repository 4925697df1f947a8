/**
 * Trains a custom model with a custom loss and augmentation, by the `fit` that `train` uses, too. It draws its own
 * data and takes a few seconds. Its test checks the score.
 *
 *     npx vitest run examples
 */
import type { Batch } from '../src/index.js';
import { createNodeRuntime, fit, Learner, Random } from '../src/index.js';
import type { Tensor } from '../src/graph/index.js';
import {
  cast,
  concat,
  equal,
  maxPool2d,
  mean,
  mul,
  relu,
  reshape,
  resize,
  scalar,
  sub,
  sigmoid,
} from '../src/graph/index.js';
import { BatchNorm2d, Conv2d, Module } from '../src/nn/index.js';
import { AdamW } from '../src/optim/index.js';

/** Features at two sizes, concatenated. */
class TinyNet extends Module {
  readonly fine = new Conv2d(1, 8, 3, { padding: 1 });
  readonly norm = new BatchNorm2d(8);
  readonly coarse = new Conv2d(8, 16, 3, { padding: 1 });
  readonly head = new Conv2d(24, 1, 3, { padding: 1 });

  forward(image: Tensor): Tensor {
    const fine = relu(this.norm.forward(this.fine.forward(image)));
    const coarse = relu(this.coarse.forward(maxPool2d(fine, 2)));
    return this.head.forward(concat([fine, resize(coarse, [image.shape[2]!, image.shape[3]!])], 1));
  }
}

/** The squared error of the probability (Brier 1950), from tensor operations. Its gradient is derived automatically. */
function brier(logits: Tensor, target: Tensor): Tensor {
  const truth = cast(equal(cast(target, 'int32'), scalar(1, 'int32')), 'float32');
  const error = sub(sigmoid(logits), reshape(truth, logits.shape));
  return mean(mul(error, error));
}

const SIZE = 32;
const IMAGES = 128;

/** An augmentation of image and mask together. */
function flip(image: Float32Array, mask: Uint8Array): void {
  image.reverse();
  mask.reverse();
}

/** Bright discs on noise. Each epoch has its own images, which depend on (seed, epoch). */
function drawBatch(epoch: number, size: number): Batch {
  const random = new Random(1, 'discs', epoch);
  const plane = SIZE * SIZE;
  const images = new Float32Array(size * plane);
  const masks = new Uint8Array(size * plane);
  for (let n = 0; n < size; n++) {
    const [x, y, radius] = [random.uniform(8, 24), random.uniform(8, 24), random.uniform(4, 8)];
    const image = images.subarray(n * plane, (n + 1) * plane);
    const mask = masks.subarray(n * plane, (n + 1) * plane);
    for (let i = 0; i < plane; i++) {
      mask[i] = Math.hypot((i % SIZE) - x, Math.floor(i / SIZE) - y) < radius ? 1 : 0;
      image[i] = 1.2 * mask[i]! + random.normal();
    }
    if (random.chance(0.5)) flip(image, mask);
  }
  const ids = Array.from({ length: size }, (_, n) => `disc-${epoch}-${n}`);
  return { ids, size, channels: 1, height: SIZE, width: SIZE, images, masks };
}

const batches = {
  length: IMAGES / 8,
  async *epoch(epoch: number, { from = 0 } = {}) {
    for (let b = from; b < this.length; b++) yield drawBatch(1 + epoch * this.length + b, 8);
  },
};

/** Trains, and returns the Dice of the foreground on images that were not trained on. */
export async function main(): Promise<number> {
  const runtime = await createNodeRuntime();
  const learner = new Learner({
    model: new TinyNet(),
    loss: [{ name: 'brier', weight: 1, loss: brier }],
    optimizer: (parameters) => new AdamW(parameters, { lr: 1e-2 }),
    runtime,
    seed: 0,
  });
  const valid = {
    length: 1,
    epoch: async function* () {
      yield drawBatch(0, 16);
    },
  };
  const { history } = await fit({ learner, train: batches, valid, classNames: ['noise', 'disc'], epochs: 6 });
  await learner.close();
  await runtime.close();
  return history.at(-1)!.valid!.dice!;
}
