import { access, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder, put, temporaryFolder } from '../../test/support/made-data.js';
import { UsageError } from '../errors/index.js';
import { decodeMask } from '../images/decode-mask.js';
import { encodeIndexedPng } from '../images/png-write.js';
import { readRunConfig, RunFolder } from '../training/index.js';
import { scheduleOf } from './learning-settings.js';
import type { NamedTrainOptions } from './train-options.js';
import { planTraining } from './train-plan.js';
import { train } from './train.js';

let root: string;
let remove: () => Promise<void>;
let cache: string | undefined;
let settings: NamedTrainOptions;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder());
  cache = process.env['PIXELWISE_CACHE'];
  process.env['PIXELWISE_CACHE'] = join(root, 'cache');
  const data = join(root, 'data');
  await makeFolder(data, { count: 10, values: [0, 255], id: (i) => `p${i >> 1}_${i}` });
  settings = { data, model: 'unet', width: 2, depth: 2, size: 16, batch: 2, threads: 1, pictures: false };
  settings = { ...settings, loss: 'bce', lr: 1e-3, augment: 'light' };
});
afterAll(async () => {
  if (cache === undefined) delete process.env['PIXELWISE_CACHE'];
  else process.env['PIXELWISE_CACHE'] = cache;
  await remove();
});

const into = (name: string, changes: Partial<NamedTrainOptions>) =>
  train({ ...settings, out: join(root, name), ...changes });

const configOf = (name: string) => readRunConfig(new RunFolder(join(root, name)));

const lastOf = async (name: string) => {
  const folder = await new RunFolder(join(root, name)).checkpointFolder('last');
  const read = (file: string) => readFile(join(folder, file));
  return Promise.all(['weights.safetensors', 'optimizer.safetensors', 'callbacks.safetensors'].map(read));
};

/** Aborts in the middle of an epoch. */
function stopping(epoch: number, batch: number): Pick<NamedTrainOptions, 'signal' | 'callbacks'> {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    callbacks: [
      {
        name: 'stopping',
        batchEnd: (context) => {
          if (context.epoch === epoch && context.batch >= batch) controller.abort();
        },
      },
    ],
  };
}

describe('what goes on in a step', () => {
  const many: Partial<NamedTrainOptions> = {
    epochs: 3,
    sampler: 'weighted',
    normalize: 'dataset',
    optimizer: 'rmsprop',
    momentum: 0.5,
    weightDecay: 1e-3,
    alpha: 0.9,
    eps: 1e-7,
    dropout: 0.2,
    clipNorm: 0.5,
    clipValue: 0.2,
    accumulate: 2,
    ema: 0.9,
    keepEvery: 2,
    classWeights: 'auto',
    monitor: 'dice',
    log: ['csv', 'tensorboard'],
  };

  it('is stored, and resumed to the same bits', async () => {
    await into('straight', many);
    await into('stopped', { ...many, ...stopping(1, 2) });
    const { stopped } = await into('stopped', { resume: true });
    expect(stopped).toBe('epochs');
    expect(await lastOf('stopped')).toEqual(await lastOf('straight'));

    const config = await configOf('straight');
    expect(config.training).toMatchObject({
      optimizer: 'rmsprop',
      momentum: 0.5,
      weightDecay: 1e-3,
      alpha: 0.9,
      eps: 1e-7,
      clipNorm: 0.5,
      clipValue: 0.2,
      accumulate: 2,
      ema: 0.9,
      sampler: 'weighted',
      monitor: 'dice',
    });
    expect(config.normalization).toMatchObject({ kind: 'fixed', name: 'dataset' });
    const { classWeights } = config.training.lossSettings!;
    expect(classWeights![1]).toBeGreaterThan(classWeights![0]!);
  });

  it('keeps every n-th epoch, and logs that any spreadsheet and TensorBoard open', async () => {
    const folder = new RunFolder(join(root, 'straight'));
    expect(await folder.checkpointNames()).toEqual(expect.arrayContaining(['2', '3']));
    const table = (await readFile(join(folder.path, 'metrics.csv'), 'utf8')).trimEnd().split('\r\n');
    expect(table).toHaveLength(4);
    expect(table[0]).toMatch(/^epoch,step,lr,/);
    const event = join(folder.path, 'tensorboard', 'valid', 'events.out.tfevents.0.pixelwise');
    await expect(access(event)).resolves.toBeUndefined();
  });
});

describe('the threshold', () => {
  it('is chosen on the validation part, kept with the run and labelled so', async () => {
    const result = await into('chosen', { epochs: 2, lr: 0.05, threshold: 'auto', val: 0.4 });
    const { threshold, valid } = result;
    expect(threshold).toMatchObject({ chosenOn: 'valid', samples: 4 });
    expect(valid!.dice).toBeCloseTo(threshold!.dice, 6);
    const config = await configOf('chosen');
    expect(config.threshold).toBe(threshold!.value);
    expect(config.thresholdChoice).toEqual(threshold);
    // The run goes on to nothing, and says the same.
    const again = await into('chosen', { resume: true, lr: 0.05 });
    expect(again.threshold).toEqual(threshold);
  });

  it('is the number given, also where a run goes on', async () => {
    await into('given', { epochs: 1, threshold: 0.25 });
    expect(await configOf('given')).toMatchObject({ threshold: 0.25 });
    await into('given', { resume: true, threshold: 0.75 });
    expect(await configOf('given')).toMatchObject({ threshold: 0.75 });
    expect((await configOf('given')).thresholdChoice).toBeUndefined();
  });
});

describe('a threshold to be chosen where there is no foreground', () => {
  /** Data whose samples p3 … p9 are the validation part; `marked` says which of them have foreground. */
  async function dataWith(name: string, marked: (i: number) => boolean) {
    const data = join(root, name);
    await makeFolder(data, { count: 10, values: [0, 255], id: (i) => `p${i}` });
    const held = Array.from({ length: 7 }, (_, k) => k + 3);
    for (const i of held) if (!marked(i)) await empty(data, i);
    const val = join(root, `${name}.txt`);
    await put(val, held.map((i) => `p${i}`).join('\n'));
    return { data, val };
  }

  async function empty(data: string, i: number) {
    const file = join(data, 'masks', `p${i}.png`);
    const mask = await decodeMask(await readFile(file));
    await put(file, await encodeIndexedPng({ ...mask, data: mask.data.fill(0) }));
  }

  it('is refused before the first step, and writes nothing', async () => {
    const { data, val } = await dataWith('healthy', () => false);
    const out = join(root, 'on-healthy');
    const run = train({ ...settings, data, val, out, epochs: 1, threshold: 'auto' });
    await expect(run).rejects.toThrow(UsageError);
    await expect(run).rejects.toThrow(
      '--threshold auto is chosen on the validation part, and its 7 samples have no pixel of foreground: choose other samples with --val or --seed, or give a number',
    );
    await expect(access(out)).rejects.toThrow();
    expect(await train({ ...settings, data, val, out, epochs: 1, threshold: 0.4 })).toMatchObject({
      epochs: 1,
    });
  });

  it('is chosen where a single mask has some', async () => {
    const { data, val } = await dataWith('one', (i) => i === 9);
    const run = { ...settings, data, val, out: join(root, 'on-one'), epochs: 1 };
    const { threshold } = await train({ ...run, threshold: 'auto' });
    expect(threshold).toMatchObject({ chosenOn: 'valid', samples: 7 });
  });

  it('ends the run whole, and says so, where the foreground went while it ran', async () => {
    const { data, val } = await dataWith('vanishing', (i) => i === 5);
    const out = join(root, 'on-vanishing');
    const notes: string[] = [];
    const result = await train({
      ...settings,
      data,
      val,
      out,
      epochs: 1,
      threshold: 'auto',
      onNote: (text) => void notes.push(text),
      callbacks: [{ name: 'vanishing', epochEnd: () => empty(data, 5) }],
    });
    expect(result).toMatchObject({ epochs: 1, stopped: 'epochs', valid: { samples: 7 } });
    expect(result.threshold).toBeUndefined();
    expect(notes).toContain(
      'No threshold could be chosen, so the run uses 0.5: the masks of the validation part no longer have a pixel of foreground.',
    );
    const config = await configOf('on-vanishing');
    expect(config.threshold).toBe(0.5);
    expect(config.thresholdChoice).toBeUndefined();
    await access(join(out, 'scores.json'));
  });
});

describe('refuses', () => {
  it.each([
    ['patience without validation', { patience: 1, val: 0 }, /--patience needs a validation part/],
    [
      'a threshold without validation',
      { threshold: 'auto', val: 0 },
      /--threshold auto is chosen on the validation/,
    ],
    ['momentum of Adam', { momentum: 0.9 }, /--momentum is for --optimizer sgd or rmsprop, not for adam/],
    ['alpha of SGD', { optimizer: 'sgd', alpha: 0.9 }, /--alpha is for --optimizer rmsprop, not for sgd/],
    ['eps of SGD', { optimizer: 'sgd', eps: 1e-7 }, /--eps is for --optimizer adam or adamw or rmsprop/],
    ['three weights for two classes', { classWeights: [1, 2, 3], loss: 'focal' }, /3 numbers for 2 classes/],
    ['weights that no loss takes', { classWeights: [1, 2], loss: 'dice' }, /classWeights is for bce/],
    ['gamma without focal', { focalGamma: 3 }, /focalGamma is for focal; "bce" has none/],
    ['a weight of 0 in bce', { classWeights: [0, 1] }, /bce takes the weights of two classes, both above 0/],
    ['an encoder that is not there', { unfreezeAfter: 1 }, /needs a frozen encoder, but unet has none/],
    [
      'an encoder that is not frozen',
      { model: 'mobilenet-unet', unfreezeAfter: 1 },
      /needs a frozen encoder/,
    ],
    ['the rate of an encoder that stays frozen', { encoderLr: 1e-4 }, /give --unfreeze-after too/],
    ['multi-step of none', { schedule: 'multi-step' }, /needs the option milestones/],
    [
      'milestones of another',
      { milestones: [2] },
      /--milestones is for --schedule multi-step, not for one-c/,
    ],
    ['unordered', { schedule: 'multi-step', milestones: [3, 2] }, /milestones must ascend/],
    [
      'a warm-up without end',
      { epochs: 2, schedule: 'cosine', warmupEpochs: 2 },
      /too short for its schedule/,
    ],
    ['as published of nothing', { asPublished: true }, /name one with --recipe/],
    ['a recipe on other data', { recipe: 'carvana-unet' }, /is for data in the format carvana/],
    ['a recipe that there is not', { recipe: 'carvana' }, /there is no recipe "carvana"/],
    [
      'a device that is not there',
      { device: 'coreml' },
      /device "coreml" is not in this machine's ONNX Runtime/,
    ],
  ] satisfies [string, Partial<NamedTrainOptions>, RegExp][])(
    '%s, before it writes anything',
    async (_, changes, message) => {
      const { width: _w, depth: _d, ...rest } = settings;
      const own = 'model' in changes ? rest : settings;
      await expect(train({ ...own, out: join(root, 'refused'), ...changes })).rejects.toThrow(message);
      await expect(access(join(root, 'refused'))).rejects.toThrow();
    },
  );

  it('to resume with another model, other data or another recipe, and leaves the run as it was', async () => {
    await into('kept', { epochs: 1 });
    const before = await readFile(join(root, 'kept/config.json'), 'utf8');
    const other = join(root, 'other');
    await makeFolder(other, { count: 6, values: [0, 255] });
    const again = (changes: Partial<NamedTrainOptions>) =>
      train({ ...settings, out: join(root, 'kept'), resume: true, ...changes });
    await expect(again({ width: 4 })).rejects.toThrow(
      /cannot be resumed: the model changed from .*"width":2.* to .*"width":4/,
    );
    await expect(again({ data: other })).rejects.toThrow(/cannot be resumed: the samples changed/);
    await expect(again({ normalize: 'none' })).rejects.toThrow(
      /cannot be resumed: the normalisation changed/,
    );
    await expect(again({ clipNorm: 1 })).rejects.toThrow(
      /cannot be resumed: the training setting clipNorm changed from none to 1\./,
    );
    await expect(again({ recipe: 'carvana-unet' })).rejects.toThrow(
      /--recipe carvana-unet: it was started without/,
    );
    await expect(again({ asPublished: true })).rejects.toThrow(
      /--as-published true: it was started without it/,
    );
    await expect(again({ device: 'coreml' })).rejects.toThrow(/Choose one of these with --device/);
    expect(await readFile(join(root, 'kept/config.json'), 'utf8')).toBe(before);
    expect(await again({})).toMatchObject({ epochs: 1, stopped: 'epochs' });
  });

  it('to resume from a checkpoint that was deleted, naming those that are left', async () => {
    await into('holey', { epochs: 3, keepEvery: 1 });
    const folder = new RunFolder(join(root, 'holey'));
    await rm(folder.checkpoint('3'), { recursive: true });
    const again = into('holey', { resume: true });
    await expect(again).rejects.toThrow(/has no checkpoint "last" \(3\). It has: 1, 2.*write its name into/s);
    await folder.point('last', '2');
    await folder.point('best', '2');
    expect(await into('holey', { resume: true })).toMatchObject({ epochs: 3 });
  });
});

describe('defaults', () => {
  it('leave one-cycle’s momentum alone where it was given or there is none', async () => {
    const plan = await planTraining({ ...settings, optimizer: 'sgd' });
    expect(plan).toMatchObject({
      sampler: 'shuffle',
      monitor: 'meanIoU',
      accumulate: 1,
      threshold: 0.5,
      log: [],
    });
    const momentum = (changes: Partial<typeof plan>) =>
      scheduleOf({ ...plan, ...changes }, { totalSteps: 10, epochs: 1, stepsPerEpoch: 10 }).at(3).momentum;
    expect(momentum({})).toBeDefined();
    expect(momentum({ momentum: 0.9 })).toBeUndefined();
    expect(momentum({ optimizer: 'rmsprop' })).toBeUndefined();
  });
});

describe('schedules', () => {
  const length = { totalSteps: 20, epochs: 10, stepsPerEpoch: 2 };
  const rates = (plan: Parameters<typeof scheduleOf>[0]) => {
    const schedule = scheduleOf(plan, length);
    const steps = schedule.interval === 'batch' ? length.totalSteps : length.epochs;
    return Array.from({ length: steps }, (_, step) => Number(schedule.at(step).lr.toFixed(3)));
  };
  const none = { stepEpochs: undefined, stepFactor: undefined };

  it('fall after the milestones', () => {
    const plan = { ...none, schedule: 'multi-step', milestones: [3, 8], stepFactor: 0.5 } as const;
    expect(rates(plan)).toEqual([1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]);
  });

  it('warm up, and start again', () => {
    const plan = { ...none, schedule: 'cosine', warmupEpochs: 2, restarts: 1 } as const;
    const found = rates(plan);
    expect(found.slice(0, 5)).toEqual([0.333, 0.5, 0.667, 0.833, 1]);
    // Two halves of the sixteen steps that are left.
    expect(found.slice(4, 12)).toEqual(found.slice(12));
    expect(found[11]).toBeLessThan(0.05);
    expect(rates({ ...none, schedule: 'cosine' })[10]).toBe(0.5);
  });

  it('are kept with the run, and resumed', async () => {
    const cosine = { epochs: 4, schedule: 'cosine', warmupEpochs: 1, restarts: 2 } as const;
    await into('cosine', { ...cosine, ...stopping(1, 2) });
    expect((await configOf('cosine')).training).toMatchObject({ warmupEpochs: 1, restarts: 2 });
    expect(await into('cosine', { resume: true })).toMatchObject({ epochs: 4, stopped: 'epochs' });
    await expect(into('cosine', { resume: true, restarts: 1 })).rejects.toThrow(
      /restarts changed from 2 to 1/,
    );
  });
});
