import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCells } from '../data/demo-folder.js';
import { createModel } from '../models/index.js';
import { crossEntropy } from '../nn/index.js';
import { Adam } from '../optim/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { Callback } from '../training/index.js';
import { Learner, readCheckpointWeights, readRunConfig, RunFolder } from '../training/index.js';
import type { KeepOptions } from './keep-features.js';
import { keepFeatures } from './keep-features.js';
import { train } from './train.js';
import type { TrainOptions } from './train-options.js';

const digestOf = (tensors: readonly { readonly data: Float32Array }[]) => {
  const hash = createHash('sha256');
  tensors.forEach(({ data }) => hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
  return hash.digest('hex');
};

describe('train with kept features', () => {
  let folder: string;
  let settings: TrainOptions;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixelwise-kept-'));
    const data = join(folder, 'cells');
    await writeCells(data, { seed: 1, count: 6, width: 32, height: 32 });
    settings = {
      data,
      model: 'mobilenet-unet',
      encoderWeights: 'none',
      freezeEncoder: true,
      decoderWidth: 2,
      size: 32,
      batch: 2,
      epochs: 3,
      val: 2 / 6,
      augment: 'light',
      lr: 1e-3,
      threads: 1,
      pictures: false,
    };
  });
  afterAll(() => rm(folder, { recursive: true }));

  const into = (name: string, changes: Partial<TrainOptions> = {}) =>
    train({ ...settings, out: join(folder, name), ...changes });
  const lossesOf = async (name: string) =>
    (await readFile(new RunFolder(join(folder, name)).metricsPath, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { train: { loss: number } }).train.loss);
  const weightsOf = async (name: string) =>
    digestOf(await readCheckpointWeights(await new RunFolder(join(folder, name)).checkpointFolder('last')));

  it('resumes to the same weights, from the end of an epoch and from its middle', async () => {
    const notes: string[] = [];
    await into('whole', { keepFeatures: 2, onNote: (text) => notes.push(text) });
    expect(notes.join('\n')).toContain('augmented anew every 2 epochs');
    expect((await readRunConfig(new RunFolder(join(folder, 'whole')))).training.featureEpochs).toBe(2);
    for (const stopsAt of [1, 3]) {
      const name = `stopped-${stopsAt}`;
      const stopping = new AbortController();
      const stop: Callback = {
        name: 'stop',
        batchEnd: ({ step }) => void (step === stopsAt && stopping.abort()),
      };
      const stopped = { keepFeatures: 2, callbacks: [stop], signal: stopping.signal };
      expect((await into(name, stopped)).stopped).toBe('interrupted');
      await into(name, { resume: true });
      expect(await lossesOf(name)).toEqual(await lossesOf('whole'));
      expect(await weightsOf(name)).toEqual(await weightsOf('whole'));
    }
    await expect(into('whole', { resume: true, keepFeatures: 3 })).rejects.toThrow(
      /cannot be resumed with --keep-features 3: it was started with 2/,
    );
  });

  it('keeps none where nothing is used twice', async () => {
    await into('short', { epochs: 1 });
    expect(
      (await readRunConfig(new RunFolder(join(folder, 'short')))).training.featureEpochs,
    ).toBeUndefined();
  });
});

describe('keepFeatures', () => {
  let runtime: Runtime;
  let frozen: Learner;
  let whole: Learner;
  const learnerOf = (freezeEncoder: boolean, decoderWidth = 2) =>
    new Learner({
      model: createModel('mobilenet-unet', { classes: 3, decoderWidth, freezeEncoder }),
      loss: crossEntropy(),
      optimizer: (parameters) => new Adam(parameters),
      runtime,
      seed: 0,
    });
  beforeAll(async () => {
    runtime = await createNodeRuntime({ worker: false, threads: 1 });
    [frozen, whole] = [learnerOf(true), learnerOf(false)];
  });
  afterAll(async () => {
    await frozen.close();
    await whole.close();
    await runtime.close();
  });

  /** A plan of 100 images of 32², and what it is told. */
  function decide(plan: Partial<KeepOptions['plan']>, changes: Partial<KeepOptions> = {}) {
    const notes: string[] = [];
    const source = { sampleCount: 100 };
    const kept = keepFeatures({
      plan: {
        keepFeatures: 'auto',
        featureMemory: 1,
        augment: 'light',
        patch: undefined,
        size: { height: 32, width: 32 },
        parts: { train: { channels: 3 } },
        unfreezing: undefined,
        minutes: undefined,
        epochs: 20,
        ...plan,
      } as KeepOptions['plan'],
      learner: frozen,
      loaders: { train: source, valid: source } as unknown as KeepOptions['loaders'],
      runtime: { device: 'cpu' },
      ranks: 1,
      note: (text) => notes.push(text),
      ...changes,
    });
    return { epochs: kept?.epochs, note: notes[0] };
  }

  it('keeps what fits and is used again', () => {
    const { epochs } = decide({});
    expect(epochs).toBeGreaterThan(1);
    expect(decide({ augment: 'none' }).epochs).toBeGreaterThan(20);
    expect(decide({ epochs: 1 })).toEqual({ epochs: undefined, note: undefined });
    expect(decide({ keepFeatures: 7 }).epochs).toBe(7);
    expect(decide({ keepFeatures: 'off' })).toEqual({ epochs: undefined, note: undefined });
    expect(decide({ featureMemory: 0.001 }).note).toMatch(/not kept: they would take .*--feature-memory/);
    expect(decide({ featureMemory: 0.001, keepFeatures: 7 }).epochs).toBe(7);
  });

  it.each<[string, Partial<KeepOptions['plan']>, Partial<KeepOptions>, RegExp]>([
    [
      'the encoder is trained later',
      { unfreezing: { after: 2, lr: undefined } },
      {},
      /trained after --unfreeze-after/,
    ],
    ['there are several processes', {}, { ranks: 2 }, /several processes/],
    ['the model runs on a graphics card', {}, { runtime: { device: 'webgpu' } }, /runs on webgpu/],
  ])('says why none are kept where %s', (_, plan, changes, reason) => {
    expect(decide(plan, changes).note).toMatch(reason);
    expect(() => decide({ ...plan, keepFeatures: 4 }, changes)).toThrow(reason);
  });

  it('leaves batches their images where code of the user reads them', () => {
    const callbacks: Callback[] = [{ name: 'own', batchEnd: () => undefined }];
    expect(decide({}, { callbacks }).note).toMatch(/may read the images/);
    expect(decide({}, { callbacks: [{ ...callbacks[0]!, readsImages: false }] }).epochs).toBeGreaterThan(1);
    expect(decide({ keepFeatures: 4 }, { callbacks }).epochs).toBe(4);
  });

  it('leaves every image its own augmentation where the encoder takes a small part of the time', async () => {
    const wide = learnerOf(true, 32);
    expect(decide({}, { learner: wide })).toEqual({ epochs: undefined, note: undefined });
    expect(decide({}, { recipe: true })).toEqual({ epochs: undefined, note: undefined });
    expect(decide({ keepFeatures: 2 }, { learner: wide, recipe: true }).epochs).toBe(2);
    await wide.close();
  });

  it('needs a frozen part', () => {
    expect(decide({}, { learner: whole })).toEqual({ epochs: undefined, note: undefined });
    expect(() => decide({ keepFeatures: 2 }, { learner: whole })).toThrow(/no part of the model is frozen/);
  });
});
