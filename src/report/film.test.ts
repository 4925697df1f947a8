import { flatSlots } from '../../test/support/flat.js';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryDataset } from '../../test/inference/memory-dataset.js';
import type { Dataset } from '../data/index.js';
import { Loader, sequential, stretch, Subset } from '../data/index.js';
import { decodeMask } from '../images/decode-mask.js';
import { UNet } from '../models/index.js';
import { crossEntropy } from '../nn/index.js';
import { SGD } from '../optim/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { fit, Learner } from '../training/index.js';
import type { FitState, LearnerCapture } from '../training/index.js';
import type { Film, FilmOptions } from './film.js';
import { film } from './film.js';
import { foregroundFirst } from './foreground-first.js';

const CLASSES = ['background', 'a', 'b'];
const SIZE = 16;

let folder: string;
let runtime: Runtime;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-film-'));
  runtime = await createNodeRuntime({ threads: 1 });
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true });
});

const data = memoryDataset(CLASSES, [
  [20, 30],
  [300, 100],
  [16, 16],
  [24, 17],
]);
const loader = (dataset: Dataset) =>
  new Loader({ dataset, fit: stretch(SIZE), batchSize: 3, sampler: sequential(dataset.length) });

interface Trial {
  readonly name: string;
  readonly epochs: number;
  readonly changes?: Partial<FilmOptions>;
  readonly withFilm?: boolean;
  readonly stopAfter?: number;
  readonly from?: { readonly state: FitState; readonly capture: LearnerCapture };
}

/** Trains a tiny model; gives its weights, and where it stood after `stopAfter` epochs. */
async function trained({ name, epochs, changes, withFilm = true, stopAfter, from }: Trial) {
  const learner = new Learner({
    model: new UNet({ channels: 3, classes: 3, width: 2, depth: 2, batchNorm: true }),
    loss: crossEntropy(),
    optimizer: (parameters) => new SGD(parameters, { lr: 0.05 }),
    runtime,
    seed: 3,
  });
  if (from) await learner.restore(from.capture);
  const errors: unknown[] = [];
  const options: FilmOptions = {
    run: join(folder, name),
    dataset: data,
    part: 'valid',
    batches: loader,
    samples: 4,
    onError: (error) => void errors.push(error),
    ...changes,
  };
  let left: Trial['from'];
  const stopper = {
    name: 'stopper',
    async epochEnd(context: { epoch: number; snapshot(): FitState; stop(reason: 'interrupted'): void }) {
      if (context.epoch !== stopAfter) return;
      left = { state: context.snapshot(), capture: await learner.capture() };
      context.stop('interrupted');
    },
  };
  await fit({
    learner,
    train: loader(data),
    valid: loader(data),
    classNames: CLASSES,
    epochs,
    callbacks: [...(withFilm ? [film(options)] : []), stopper],
    ...(from && { resume: from.state }),
  });
  const weights = flatSlots(learner.state.trainable);
  const rest = flatSlots(learner.state.fixed);
  await learner.close();
  return { weights, rest, errors, left };
}

const filmOf = async (name: string) =>
  JSON.parse(await readFile(join(folder, name, 'samples', 'film.json'), 'utf8')) as Film;

describe('film', () => {
  it('shows the same samples after every epoch, and leaves training as it is', async () => {
    const { weights, rest, errors } = await trained({ name: 'whole', epochs: 3 });
    expect(errors).toEqual([]);
    const plain = await trained({ name: 'plain', epochs: 3, withFilm: false });
    expect(plain.weights).toEqual(weights);
    expect(plain.rest).toEqual(rest);
    const { samples, frames, classes, part } = await filmOf('whole');
    expect(part).toBe('valid');
    expect(classes.map(({ color }) => color)).toEqual(['#000000', '#e69f00', '#56b4e9']);
    expect(samples).toHaveLength(4);
    expect(samples[1]).toMatchObject({ id: 'sample 1', width: 144, height: 48 });
    expect(frames.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(frames.every(({ loss, meanIoU }) => loss! > 0 && meanIoU! > 0)).toBe(true);
    const at = (path: string) => join(folder, 'whole', 'samples', path);
    for (const { masks } of frames) {
      expect(masks).toHaveLength(4);
      for (const [i, path] of masks.entries()) {
        const mask = await decodeMask(at(path));
        expect(mask).toMatchObject({ width: samples[i]!.width, height: samples[i]!.height });
        expect(Math.max(...mask.data)).toBeLessThan(3);
      }
    }
    const moving = await sharp(join(folder, 'whole', 'film.webp')).metadata();
    expect(moving).toMatchObject({ pages: 3, loop: 0 });
    expect(moving.delay!.at(-1)).toBeGreaterThan(moving.delay![0]!);
  });

  it('is the same after a stop, frames beyond the checkpoint cut', async () => {
    const { left } = await trained({ name: 'resumed', epochs: 3, stopAfter: 1 });
    // As if killed after the second epoch was filmed and before its checkpoint was written.
    await trained({ name: 'resumed', epochs: 3, stopAfter: 2 });
    expect((await filmOf('resumed')).frames).toHaveLength(2);
    await trained({ name: 'resumed', epochs: 3, from: left });
    const files = async (name: string) => (await readdir(join(folder, name), { recursive: true })).sort();
    expect(await files('resumed')).toEqual(await files('whole'));
    for (const file of await files('whole')) {
      if (!file.includes('.')) continue;
      const bytes = (name: string) => readFile(join(folder, name, file));
      expect((await bytes('resumed')).equals(await bytes('whole')), file).toBe(true);
    }
  });

  it('keeps evenly spaced epochs of a long run, and the last of one cut short', async () => {
    await trained({ name: 'long', epochs: 9, changes: { frames: 3 } });
    expect((await filmOf('long')).frames.map(({ epoch }) => epoch)).toEqual([1, 3, 6, 9]);
    await trained({ name: 'short', epochs: 9, changes: { frames: 3 }, stopAfter: 5 });
    expect((await filmOf('short')).frames.map(({ epoch }) => epoch)).toEqual([1, 3, 5]);
  });

  it('gives up, and not the run, where something goes wrong', async () => {
    const broken = { ...data, get: () => Promise.reject(new Error('no such file')) };
    const { errors, weights } = await trained({
      name: 'broken',
      epochs: 2,
      changes: { dataset: broken },
    });
    expect(errors.map(String)).toEqual(['Error: no such file']);
    expect(weights.every(Number.isFinite)).toBe(true);
  });
});

describe('foregroundFirst', () => {
  it('takes samples that hold a foreground, from all over, then others', async () => {
    const sizes = Array.from({ length: 50 }, () => [4, 4] as const);
    const many = memoryDataset(CLASSES, sizes, {
      getMask: async (i) => ({ width: 4, height: 4, data: new Uint8Array(16).fill(i % 5 === 0 ? 1 : 0) }),
    });
    const chosen = await foregroundFirst(many, 6);
    expect(chosen).toEqual(await foregroundFirst(many, 6));
    expect(chosen.every((i) => i % 5 === 0)).toBe(true);
    expect(chosen).toEqual([...chosen].sort((a, b) => a - b));
    const few = await foregroundFirst(many, 20);
    expect(new Set(few).size).toBe(20);
    expect(few.map((i) => i % 5 === 0)).toEqual([
      ...Array<boolean>(10).fill(true),
      ...Array<boolean>(10).fill(false),
    ]);
    expect(await foregroundFirst(new Subset(many, [1, 2]), 5)).toEqual([0, 1]);
  });
});
