/**
 * The same masks everywhere: what a model gives in this program, in a bare onnxruntime-node session on the
 * exported file, and in onnxruntime-web's WebAssembly. Other kernels round otherwise, so a pixel may differ
 * where its two best classes are as good as equal: one in a million, and no other.
 */
import * as node from 'onnxruntime-node';
import * as web from 'onnxruntime-web';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Raster } from '../../src/images/raster.js';
import { exportGraph } from '../../src/inference/export-graph.js';
import { Segmenter } from '../../src/inference/segmenter.js';
import { createModel } from '../../src/models/index.js';
import { binaryCrossEntropy, crossEntropy } from '../../src/nn/index.js';
import { encodeModel } from '../../src/onnx/index.js';
import { Adam } from '../../src/optim/index.js';
import { Random } from '../../src/random/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import { Learner } from '../../src/training/index.js';
import { tinyCard } from '../inference/tiny-model.js';

web.env.wasm.numThreads = 1;

/** Rows and columns of the models, and images of a training batch. */
const SIDE = 64;
const BATCH = 2;
const STEPS = 25;

/** Width and height of the images: with two runtimes, a million pixels that could differ. */
const SIZES = [
  [800, 640],
  [97, 61],
  [64, 64],
] as const;

/** Two best probabilities this close may change places. */
const TIE = 1e-4;

interface Scene extends Raster {
  readonly mask: Uint8Array;
}

/** Noise with discs, of class 1 red and of class 2 green, and the class of every pixel. */
function scene(width: number, height: number, classes: number, seed: number): Scene {
  const random = new Random(seed, 'scene');
  const discs = Array.from({ length: 6 }, (_, i) => ({
    x: random.uniform(0, width),
    y: random.uniform(0, height),
    radius: random.uniform(0.1, 0.2) * Math.min(width, height),
    label: 1 + (i % (classes - 1)),
  }));
  const data = new Uint8Array(width * height * 3);
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < mask.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const label = discs.find((disc) => Math.hypot(x - disc.x, y - disc.y) < disc.radius)?.label ?? 0;
    mask[i] = label;
    for (let c = 0; c < 3; c++) {
      data[3 * i + c] = (c === label - 1 ? 180 : 90) + random.uniform(-40, 40);
    }
  }
  return { width, height, channels: 3, data, mask };
}

/** The file of a model that has learnt a little: a fresh one's classes lie so close that rounding chooses. */
async function exported(
  name: string,
  options: object,
  classes: number,
  runtime: Runtime,
): Promise<Uint8Array> {
  const card = tinyCard(classes, { height: SIDE, width: SIDE, model: { name, options: {} } });
  const { normalization } = card;
  if (normalization.kind !== 'fixed') throw new Error('the card is of fixed normalisation');
  const model = createModel(name, { classes, ...options });
  const learner = new Learner({
    model,
    loss: classes === 2 ? binaryCrossEntropy() : crossEntropy(),
    optimizer: (parameters) => new Adam(parameters, { lr: 5e-3 }),
    runtime,
    seed: 3,
  });
  const plane = SIDE * SIDE;
  for (let step = 0; step < STEPS; step++) {
    const images = new Float32Array(BATCH * 3 * plane);
    const masks = new Uint8Array(BATCH * plane);
    for (let n = 0; n < BATCH; n++) {
      const { data, mask } = scene(SIDE, SIDE, classes, step * BATCH + n);
      masks.set(mask, n * plane);
      for (const [i, value] of data.entries()) {
        const c = i % 3;
        images[(n * 3 + c) * plane + Math.floor(i / 3)] =
          (value / 255 - normalization.mean[c]!) / normalization.std[c]!;
      }
    }
    const ids = Array.from({ length: BATCH }, (_, n) => `${n}`);
    await learner.backward({ ids, size: BATCH, channels: 3, height: SIDE, width: SIDE, images, masks });
    await learner.step();
  }
  const bytes = encodeModel(exportGraph(model, learner.state, card));
  await learner.close();
  return bytes;
}

async function onNode(model: Uint8Array, { data, width, height }: Raster): Promise<Uint8Array> {
  const session = await node.InferenceSession.create(model, { intraOpNumThreads: 1 });
  const image = new node.Tensor('uint8', data as Uint8Array, [1, height, width, 3]);
  const { mask } = await session.run({ image });
  await session.release();
  return mask!.data as Uint8Array;
}

async function onWeb(model: Uint8Array, { data, width, height }: Raster): Promise<Uint8Array> {
  const session = await web.InferenceSession.create(model, { executionProviders: ['wasm'] });
  const image = new web.Tensor('uint8', data as Uint8Array, [1, height, width, 3]);
  const mask = (await session.run({ image })).mask!.data as Uint8Array;
  await session.release();
  return mask;
}

/** How far apart the two best of all probabilities (1×K×H×W) of a pixel lie. */
function margin(probabilities: Float32Array, pixel: number, plane: number): number {
  const classes = Array.from({ length: probabilities.length / plane }, (_, k) => k);
  const [best, second] = classes.map((k) => probabilities[k * plane + pixel]!).sort((a, b) => b - a);
  return best! - second!;
}

describe('an exported model', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createNodeRuntime({ worker: false, threads: 1 });
  });
  afterAll(() => runtime.close());

  it.each([
    ['unet', { width: 8, depth: 3, batchNorm: true }, 3],
    ['unet', { width: 8, depth: 3, batchNorm: true }, 2],
    ['mobilenet-unet', {}, 3],
    ['segnet', { width: 16 }, 3],
  ] as const)('%s %o of %i classes gives the same masks everywhere', async (name, options, classes) => {
    const model = await exported(name, options, classes, runtime);
    const segmenter = await Segmenter.load(model, { threads: 1 });
    let pixels = 0;
    const margins: number[] = [];
    const counts = new Array<number>(classes).fill(0);
    for (const [width, height] of SIZES) {
      const image = scene(width, height, classes, 1000 + width);
      const { mask, probabilities } = await segmenter.segment(image, { probabilities: true });
      for (const value of mask.data) counts[value]!++;
      for (const run of [onNode, onWeb]) {
        const other = await run(model.slice(), image);
        expect(other.length).toBe(mask.data.length);
        pixels += other.length;
        for (const [i, value] of other.entries()) {
          if (value !== mask.data[i]) margins.push(margin(probabilities!.data, i, other.length));
        }
      }
    }
    await segmenter.close();
    // A mask of one class would show nothing.
    expect(Math.max(...counts)).toBeLessThan((0.98 * pixels) / 2);
    expect(margins.length).toBeLessThanOrEqual(pixels / 1e6);
    expect(Math.max(0, ...margins)).toBeLessThanOrEqual(TIE);
  });
});
