/** `train` with a model, a loss, an optimizer, a schedule, augmentation, metrics and data of one's own. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UnnamedSample } from '../../src/data/index.js';
import { horizontalFlip, MemoryDataset } from '../../src/data/index.js';
import type { Tensor } from '../../src/graph/index.js';
import { add, mul, relu } from '../../src/graph/index.js';
import type { TrainOptions } from '../../src/index.js';
import { train } from '../../src/index.js';
import { binaryCrossEntropy, Conv2d, dice, Module } from '../../src/nn/index.js';
import { constant, SGD } from '../../src/optim/index.js';

class TwoConvs extends Module {
  readonly first = new Conv2d(3, 4, 3, { padding: 1 });
  readonly last = new Conv2d(4, 1, 1);

  forward(image: Tensor): Tensor {
    return this.last.forward(relu(this.first.forward(image)));
  }
}

const [bce, softDice] = [binaryCrossEntropy(), dice()];
const halfDice = (logits: Tensor, target: Tensor): Tensor =>
  add(bce(logits, target), mul(softDice(logits, target), 0.5));

/** A bright square on a dark ground. */
function square(i: number): UnnamedSample {
  const side = 16;
  const mask = new Uint8Array(side * side);
  const image = new Uint8Array(3 * side * side).fill(30);
  for (let y = 4; y < 10; y++) {
    for (let x = 2 + (i % 5); x < 9 + (i % 5); x++) {
      mask[y * side + x] = 1;
      image.fill(200, 3 * (y * side + x), 3 * (y * side + x) + 3);
    }
  }
  return {
    image: { width: side, height: side, channels: 3, data: image },
    mask: { width: side, height: side, data: mask },
  };
}

let root: string;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'pixelwise-own-'))));
afterAll(() => rm(root, { recursive: true, force: true }));

const options = (): TrainOptions => ({
  data: new MemoryDataset(Array.from({ length: 10 }, (_, i) => square(i))),
  model: new TwoConvs(),
  loss: halfDice,
  optimizer: (parameters) => new SGD(parameters, { lr: 0.05, momentum: 0.5 }),
  schedule: () => constant(),
  augment: [horizontalFlip()],
  metrics: {
    foregroundShare: (prediction) => prediction.reduce((sum, value) => sum + value, 0) / prediction.length,
  },
  size: 16,
  batch: 4,
  epochs: 3,
  threads: 1,
  out: join(root, 'run'),
});

const json = async (name: string) =>
  JSON.parse(await readFile(join(root, 'run', name), 'utf8')) as Record<string, never>;

describe('train with objects', () => {
  it('writes a run folder with a report', async () => {
    const result = await train(options());
    expect(result).toMatchObject({ epochs: 3, run: join(root, 'run') });
    expect(result.valid!.samples).toBe(2);
    await expect(readFile(result.report!, 'utf8')).resolves.toContain('TwoConvs');
    expect(await json('config.json')).toMatchObject({
      model: { name: 'TwoConvs', custom: true },
      classes: ['background', 'foreground'],
      data: { format: 'memory' },
      training: {
        loss: 'halfDice',
        optimizer: 'optimizer',
        lr: 0.05,
        custom: ['loss', 'optimizer', 'schedule', 'augment'],
      },
    });
    const lines = (await readFile(join(root, 'run', 'metrics.jsonl'), 'utf8')).trim().split('\n');
    for (const line of lines) {
      const { train, valid } = JSON.parse(line) as Record<string, { metrics: Record<string, number> }>;
      for (const part of [train!, valid!]) expect(part.metrics['foregroundShare']).toBeGreaterThanOrEqual(0);
    }
  }, 60_000);

  it('resumes with the same objects, and names those that are missing', async () => {
    const { epochs: _epochs, ...rest } = options();
    const { data, augment: _augment, metrics: _metrics, ...withoutAugment } = rest;
    await expect(train({ ...rest, resume: true })).resolves.toMatchObject({ epochs: 3 });
    await expect(train({ ...withoutAugment, data, resume: true })).rejects.toThrow(
      /trained with the augment /,
    );
    const { model: _model, ...withoutModel } = rest;
    await expect(train({ ...withoutModel, resume: true })).rejects.toThrow(
      /a model of the class TwoConvs, .*train\(\{ model: new TwoConvs\(\), resume: true/,
    );
    await expect(train({ ...rest, loss: bce, resume: true })).rejects.toThrow(/loss changed from "halfDice"/);
  }, 60_000);
});

describe('a data set of your own', () => {
  it('needs a length and get, and says what is wrong', async () => {
    const { mask } = square(0);
    const wrong = { length: 4, get: () => ({ ...square(0), mask: { ...mask, width: 8 } }) };
    await expect(train({ ...options(), data: wrong, out: join(root, 'wrong') })).rejects.toThrow(
      /sample 0: its image is 16×16, its mask 16×8/,
    );
  });
});
