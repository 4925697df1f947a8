/**
 * Trains a custom model with a custom loss and augmentation on a custom data set, and writes a run folder. It takes a
 * few seconds. Its test checks the score.
 *
 *     npx vitest run examples
 */
import type { Transform, UnnamedSample } from '../src/data/index.js';
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
import { Random, train } from '../src/index.js';
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

/** The squared error of the probability (Brier 1950), written with tensor operations. Its gradient is derived automatically. */
function brier(logits: Tensor, target: Tensor): Tensor {
  const truth = cast(equal(cast(target, 'int32'), scalar(1, 'int32')), 'float32');
  const error = sub(sigmoid(logits), reshape(truth, logits.shape));
  return mean(mul(error, error));
}

const SIZE = 32;

/** An augmentation is a plain function of image and mask together. Here: a half turn of every second sample. */
const halfTurn: Transform = (sample, random) => {
  if (random.chance(0.5)) {
    sample.image.reverse();
    sample.mask.reverse();
  }
  return sample;
};

/** A bright disc on noise, drawn from the seed `i`. */
function drawDisc(i: number): UnnamedSample {
  const random = new Random(i, 'discs');
  const [x, y, radius] = [random.uniform(8, 24), random.uniform(8, 24), random.uniform(4, 8)];
  const mask = Uint8Array.from({ length: SIZE * SIZE }, (_, p) =>
    Math.hypot((p % SIZE) - x, Math.floor(p / SIZE) - y) < radius ? 1 : 0,
  );
  const image = Uint8ClampedArray.from(mask, (inside) => 100 + 50 * (inside + random.normal()));
  return {
    image: { width: SIZE, height: SIZE, channels: 1, data: new Uint8Array(image) },
    mask: { width: SIZE, height: SIZE, data: mask },
  };
}

/** Trains, and returns the Dice of the foreground on images that were not trained on. */
export async function main(out: string): Promise<number> {
  const { valid } = await train({
    data: { length: 160, classes: ['noise', 'disc'], get: drawDisc },
    model: new TinyNet(),
    loss: brier,
    optimizer: (parameters) => new AdamW(parameters, { lr: 1e-2 }),
    augment: [halfTurn],
    val: 0.2,
    size: SIZE,
    batch: 8,
    epochs: 6,
    pictures: false,
    out,
  });
  return valid!.dice!;
}
