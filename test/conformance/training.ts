/** Three training steps of small U-Nets, on whatever runtime: their losses must agree everywhere. Runs in a page too. */
import type { Layer, LossTerm } from '../../src/nn/index.js';
import { binaryCrossEntropy, crossEntropy, dice } from '../../src/nn/index.js';
import { UNet } from '../../src/models/unet.js';
import { SGD } from '../../src/optim/index.js';
import { Random } from '../../src/random/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import { Learner } from '../../src/training/learner.js';

/** How far losses may be apart, relative to the native run's. */
export const LOSS_TOLERANCE = 1e-4;
/** The second brings momentum, and the third reads it. */
const STEPS = 3;

interface TrainingRun {
  readonly classes: number;
  readonly channels: number;
  /** Rows and columns. */
  readonly size: readonly [number, number];
  readonly learningRate: number;
  readonly model: () => Layer;
  readonly losses: readonly LossTerm[];
}

/** Between them the runs have every layer a U-Net can have, and sizes that must be padded. */
export const TRAINING_RUNS: Readonly<Record<string, TrainingRun>> = {
  'batch norm, transposed convolutions, dropout at the bottom': {
    classes: 3,
    channels: 3,
    size: [12, 14],
    learningRate: 0.1,
    model: () => new UNet({ channels: 3, classes: 3, depth: 2, width: 4, batchNorm: true, dropout: 0.3 }),
    losses: [{ name: 'ce', weight: 1, loss: crossEntropy({ labelSmoothing: 0.1 }) }],
  },
  'bilinear upsampling, dropout in every block, one logit, odd size': {
    classes: 2,
    channels: 1,
    size: [9, 7],
    learningRate: 0.2,
    model: () =>
      new UNet({
        channels: 1,
        classes: 1,
        depth: 2,
        width: 4,
        upsampling: 'bilinear',
        dropout: 0.2,
        dropoutAt: 'every',
      }),
    losses: [
      { name: 'bce', weight: 1, loss: binaryCrossEntropy() },
      { name: 'dice', weight: 0.5, loss: dice() },
    ],
  },
};

/** The loss before each step, and after the last. */
export async function trainingLosses(name: string, runtime: Runtime): Promise<number[]> {
  const { classes, channels, size, learningRate, model, losses } = TRAINING_RUNS[name]!;
  const [height, width] = size;
  const random = new Random(7, 'training run');
  // Masks follow from images, and one pixel in ten is to be ignored, as in real data.
  const images = Float32Array.from({ length: 2 * channels * height * width }, () => random.normal());
  const masks = Uint8Array.from({ length: 2 * height * width }, (_, pixel) => {
    const image = Math.floor(pixel / (height * width));
    const value = images[image * channels * height * width + (pixel % (height * width))]!;
    return random.chance(0.1) ? 255 : Math.min(classes - 1, Math.floor(Math.abs(value) * 1.5));
  });
  const batch = { ids: ['a', 'b'], size: 2, channels, height, width, images, masks };
  const learner = new Learner({
    model: model(),
    loss: losses,
    optimizer: (parameters) => new SGD(parameters, { lr: learningRate, momentum: 0.9 }),
    runtime,
    seed: 3,
  });
  try {
    const seen: number[] = [];
    for (let step = 0; step < STEPS; step++) {
      seen.push((await learner.backward(batch)).loss);
      await learner.step();
    }
    return [...seen, (await learner.evaluate(batch)).loss];
  } finally {
    await learner.close();
  }
}

/** The largest relative difference. */
export function largestDifference(losses: readonly number[], wanted: readonly number[]): number {
  return Math.max(...wanted.map((b, i) => Math.abs(losses[i]! - b) / Math.abs(b)));
}
