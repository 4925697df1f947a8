/** Training with less kept: the same bits, fewer bytes, and nothing that ONNX Runtime merges away again. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readProfile } from '../../src/bench/profile.js';
import type { Recompute } from '../../src/graph/index.js';
import { peakBytes } from '../../src/graph/index.js';
import type { Layer } from '../../src/nn/index.js';
import { createModel } from '../../src/models/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import { trainingGraph } from '../../src/training/step.js';
import { BCE_DICE, Discs, fingerprint, tinyLearner } from './tiny.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

const SIZE = 32;
const discs = new Discs({ count: 4, batchSize: 2, size: SIZE });
const LEVELS: readonly Recompute[] = ['none', 'passes', 'convolutions'];
const small = { channels: 1, classes: 2, width: 8, depth: 2 };
const segNet = () => createModel('segnet', { channels: 1, classes: 2, head: 'linear' });
const MODELS: Record<string, () => Layer> = {
  'U-Net with batch norm and dropout': () =>
    createModel('unet', { ...small, batchNorm: true, dropout: 0.25, dropoutAt: 'every' }),
  'U-Net without batch norm': () => createModel('unet', small),
  // Wide enough for ONNX Runtime's blocked layout, where joins are read part by part.
  'U-Net of blocks': () => createModel('unet', { ...small, depth: 3, width: 16, upsampling: 'bilinear' }),
  'U-Net of blocks with batch norm': () =>
    createModel('unet', { ...small, depth: 3, width: 16, upsampling: 'bilinear', batchNorm: true }),
};

it.each(Object.entries(MODELS))('trains a %s to the same bits', async (_, make) => {
  const prints = [];
  for (const recompute of LEVELS) {
    const learner = tinyLearner(runtime, { model: make(), recompute });
    try {
      for (let i = 0; i < 2; i++) {
        await learner.backward(discs.batchOf([i, i + 1]));
        await learner.step();
      }
      prints.push(fingerprint(learner));
    } finally {
      await learner.close();
    }
  }
  expect(prints[1]).toEqual(prints[0]);
  expect(prints[2]).toEqual(prints[0]);
});

it.each([...Object.entries(MODELS), ['SegNet', segNet] as const])('keeps less of a %s', (_, make) => {
  const shape = { size: 8, channels: 1, height: 128, width: 128 };
  const [none, passes, convolutions] = LEVELS.map((recompute) =>
    peakBytes(trainingGraph(make(), BCE_DICE, shape, { recompute }).definition),
  ) as [number, number, number];
  expect(passes).toBeLessThanOrEqual(none);
  expect(convolutions).toBeLessThan(0.8 * none);
});

it('is not undone by ONNX Runtime: what is made again is run again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pixelwise-recompute-'));
  try {
    const counts: Record<string, number>[] = [];
    for (const recompute of LEVELS) {
      const profiled: Runtime = {
        ...runtime,
        load: (model) => runtime.load(model, { profile: join(folder, recompute, 'run') }),
      };
      await mkdir(join(folder, recompute));
      const model = MODELS['U-Net with batch norm and dropout']!();
      const learner = tinyLearner(profiled, { model, recompute });
      // The first run is not counted.
      for (let i = 0; i < 2; i++) await learner.backward(discs.batchOf([0, 1]));
      await learner.close();
      const { operators } = await readProfile(join(folder, recompute));
      const count = Object.fromEntries(operators.map(({ operator, count }) => [operator, count]));
      counts.push(count);
    }
    const [none, passes, convolutions] = counts as [
      Record<string, number>,
      Record<string, number>,
      Record<string, number>,
    ];
    expect(passes['BatchNormalization']).toBeGreaterThan(none['BatchNormalization']!);
    expect(passes['Conv']).toBe(none['Conv']);
    // One of the two in each of three blocks.
    expect(convolutions['Conv']).toBe(none['Conv']! + 3);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
