/** "Next week": training that goes on from an earlier run, with more images or another class. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFolder } from '../../test/support/made-data.js';
import type { PartIds } from '../data/index.js';
import { exportRun } from '../inference/index.js';
import { readCheckpointWeights, readRunConfig, readRunSamples, RunFolder } from '../training/index.js';
import { writeWeights } from '../weights/index.js';
import { partOfRun } from './part-of-run.js';
import type { TrainOptions } from './train-options.js';
import { train } from './train.js';

let root: string;
let week1: RunFolder;
const SETTINGS = { augment: 'none', batch: 4, epochs: 2, threads: 1, pictures: false } as const;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pixelwise-next-week-'));
  await makeFolder(join(root, 'week1'), { count: 10, values: [0, 255] });
  const data = join(root, 'week1');
  const model = { model: 'unet', width: 3, depth: 2, size: 16, normalize: 'dataset' } as const;
  const { run } = await train({ data, ...model, ...SETTINGS, test: 0.2, lr: 0.01, out: join(root, 'a') });
  week1 = new RunFolder(run);
});
afterAll(() => rm(root, { recursive: true }));

async function next(name: string, options: Partial<TrainOptions> & { data: string }) {
  const notes: string[] = [];
  const onNote = (text: string) => void notes.push(text);
  const out = join(root, name);
  const result = await train({ init: week1.path, ...SETTINGS, out, onNote, ...options });
  const folder = new RunFolder(out);
  const [config, samples] = [await readRunConfig(folder), (await readRunSamples(folder))!];
  return { result, folder, config, samples, notes: notes.join('\n') };
}

const weightsOf = async (folder: RunFolder, which: 'best' | number = 'best') =>
  new Map(
    (await readCheckpointWeights(await folder.checkpointFolder(which))).map(({ name, data }) => [name, data]),
  );

it('takes model, size, normalisation and classes, and leaves samples in their parts', async () => {
  const data = join(root, 'week2');
  await makeFolder(data, { count: 16, values: [0, 255] });
  const { config, samples, notes, folder, result } = await next('b', { data, lr: 1e-9 });
  const before = await readRunConfig(week1);
  for (const key of ['model', 'size', 'normalization', 'classes'] as const)
    expect(config[key]).toEqual(before[key]);
  expect(config.training.optimizer).toBe(before.training.optimizer);
  const known = (await readRunSamples(week1))!;
  for (const part of ['train', 'valid', 'test'] as const)
    expect(samples[part]).toEqual(expect.arrayContaining([...known[part]]));
  expect(samples.train.length + samples.valid.length + samples.test.length).toBe(16);
  expect(notes).toContain('Kept: model unet; size 16×16; normalisation dataset (mean');
  expect(notes).toContain('Samples of');
  expect(notes).toMatch(/All \d+ tensors of the model are from/);

  // With a rate of nothing, no epoch is better: the weights are those of week 1, statistics of batch norms aside.
  expect(result.best).toMatchObject({ epoch: expect.any(Number) as number });
  const [a, b] = [await weightsOf(week1), await weightsOf(folder)];
  for (const [name, values] of b) if (!name.includes('running_')) close(values, a.get(name)!);

  // Its parts are found again after more images have come.
  await makeFolder(data, { count: 20, values: [0, 255] });
  const test = await partOfRun(folder.path, config, data, 'test');
  expect([...test.ids].sort()).toEqual([...samples.test].sort());
});

const close = (a: Float32Array, b: Float32Array) =>
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, 5));

it('keeps the model that it started from where no epoch is better', async () => {
  const { result, folder } = await next('worse', {
    data: join(root, 'week1'),
    lr: 90,
    optimizer: 'sgd',
    schedule: 'constant',
    clipNorm: 1,
    monitor: 'loss',
  });
  expect(result.best!.epoch).toBe(0);
  expect(await weightsOf(folder)).toEqual(await weightsOf(week1));
  expect(result.valid!.meanIoU).toBeCloseTo(
    (JSON.parse(await readFile(week1.scoresPath, 'utf8')) as { valid: { meanIoU: number } }).valid.meanIoU,
    6,
  );
});

it('gives a further class weights of its own, and keeps those of the others', async () => {
  const data = join(root, 'three');
  await makeFolder(data, { count: 10, classes: 3 });
  const { config, notes, folder } = await next('c', { data, lr: 1e-9 });
  expect(config.classes).toEqual(['background', 'foreground', 'class 2']);
  expect(notes).toContain('New classes: class 2');
  const [before, after] = [await weightsOf(week1), await weightsOf(folder, 'best')];
  const [old, now] = [before.get('head.weight')!, after.get('head.weight')!];
  old.forEach((w, i) => expect(now[old.length + i]! - now[i]!).toBeCloseTo(w, 5));
});

it('resumes without the run that it started from', async () => {
  const data = join(root, 'week1');
  const init = join(root, 'moved');
  await cp(week1.path, init, { recursive: true });
  const abort = new AbortController();
  const stop = { name: 'stop', epochEnd: () => abort.abort() };
  const { folder } = await next('d', { data, init, signal: abort.signal, callbacks: [stop] });
  await rm(init, { recursive: true });
  const parts: PartIds = (await readRunSamples(folder))!;
  const result = await train({ data, resume: true, out: folder.path, threads: 1, pictures: false });
  expect(result).toMatchObject({ epochs: 2, stopped: 'epochs' });
  expect(await readRunSamples(folder)).toEqual(parts);
});

it('goes on from an exported file', async () => {
  const out = join(root, 'week1.onnx');
  await exportRun(week1.path, { out });
  const { config, notes } = await next('g', { data: join(root, 'week1'), init: out, lr: 1e-9 });
  const before = await readRunConfig(week1);
  expect(config).toMatchObject({
    model: before.model,
    size: before.size,
    normalization: before.normalization,
  });
  expect(notes).toMatch(/All \d+ tensors of the model are from/);
  expect(notes).toContain('does not say which samples it was trained on');
});

it('takes what fits from a file, and says what does not', async () => {
  const weights = (await readCheckpointWeights(await week1.checkpointFolder('best'))).map((tensor) => ({
    ...tensor,
    name: `module.${tensor.name}`,
  }));
  const file = join(root, 'other.safetensors');
  await writeWeights(file, [
    ...weights.filter(({ name }) => !name.includes('head')),
    { name: 'aux', shape: [1], data: new Float32Array(1) },
  ]);
  const data = join(root, 'week1');
  const model = { model: 'unet', width: 3, depth: 2, size: 16, lr: 1e-9 } as const;
  const { notes } = await next('e', { data, init: file, ...model });
  expect(notes).toMatch(/New: head\.weight, head\.bias\./);
  expect(notes).toContain('Not used of');
  await expect(next('f', { data, init: file, ...model, width: 5 })).rejects.toThrow(/no weight fits unet/);
});
