import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCells } from '../data/demo-folder.js';
import type { RunConfig } from '../training/index.js';
import type { LrFindResult } from './lr-find.js';
import { findLearningRate } from './lr-find.js';
import type { TrainSettings } from './train-options.js';
import { train } from './train.js';

let folder: string;
let data: string;
const settings: TrainSettings = { width: 2, depth: 2, size: 16, batch: 4, augment: 'none' };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-lr-find-'));
  data = join(folder, 'cells');
  await writeCells(data, { seed: 1, count: 10, width: 32, height: 32 });
});
afterAll(() => rm(folder, { recursive: true }));

const readJson = async <T>(path: string) => JSON.parse(await readFile(path, 'utf8')) as T;

describe('findLearningRate', () => {
  it('suggests a rate and writes the curve, and nothing of a run', { timeout: 30_000 }, async () => {
    const out = join(folder, 'curve');
    const seen: number[] = [];
    const notes: string[] = [];
    const result = await findLearningRate({
      ...settings,
      data,
      out,
      threads: 1,
      onNote: (text) => void notes.push(text),
      onPoint: ({ lr }) => void seen.push(lr),
    });
    expect(notes.join('\n')).toContain('Settings chosen automatically');
    expect(notes.filter((text) => text.startsWith('  lr'))).toEqual([]);
    expect(seen).toEqual(result.points.map(({ lr }) => lr));
    expect(seen[0]).toBeLessThan(result.suggestion);
    expect(seen.at(-1)).toBeGreaterThan(result.suggestion);
    expect(result.plot).toBe(join(out, 'lr-find.svg'));
    expect(isAbsolute(result.plot)).toBe(true);
    expect(await readFile(result.plot, 'utf8')).toContain('<svg');
    await access(join(out, 'lr-find.png'));
    const { plot: _plot, ...kept } = result;
    expect(await readJson<LrFindResult>(join(out, 'lr-find.json'))).toEqual(kept);
    await expect(access(join(out, 'config.json'))).rejects.toThrow();
  });
});

describe('with accumulation', () => {
  it('both make their steps of as many batches as training does', { timeout: 60_000 }, async () => {
    // Nothing that looks at the whole batch: steps of 2 · 2 samples are those of 4, up to rounding.
    const plain: TrainSettings = {
      ...settings,
      model: 'unet',
      batchNorm: false,
      loss: 'cross-entropy',
      optimizer: 'sgd',
      lr: 'auto',
    };
    const test = (name: string, changes: TrainSettings) =>
      findLearningRate({ ...plain, ...changes, data, threads: 1, out: join(folder, name) });
    const large = await test('large', { batch: 4 });
    const small = await test('small', { batch: 2, accumulate: 2 });
    expect(small.points).toHaveLength(large.points.length);
    small.points.forEach(({ loss }, i) => expect(loss).toBeCloseTo(large.points[i]!.loss, 3));
    const out = join(folder, 'accumulated');
    await train({ ...plain, batch: 2, accumulate: 2, epochs: 1, data, threads: 1, out, pictures: false });
    const { points } = await readJson<LrFindResult>(join(out, 'lr-find.json'));
    expect(points).toEqual(small.points);
  });
});

describe('train with lr auto', () => {
  it('goes on with the suggestion, and resumes with it', { timeout: 60_000 }, async () => {
    const [found, given] = [join(folder, 'found'), join(folder, 'given')];
    const notes: string[] = [];
    const onNote = (text: string) => void notes.push(text);
    await train({ ...settings, data, threads: 1, out: found, epochs: 2, lr: 'auto', onNote });
    const { suggestion } = await readJson<LrFindResult>(join(found, 'lr-find.json'));
    const config = await readJson<RunConfig>(join(found, 'config.json'));
    expect(config.training.lr).toBe(suggestion);
    expect(notes.join('\n')).toContain('suggests a learning rate of');
    // The test leaves no trace: the run is, bit for bit, one that was given the rate.
    await train({ ...settings, data, threads: 1, out: given, epochs: 2, lr: suggestion });
    const weights = (run: string) => readFile(join(run, 'checkpoints/2/weights.safetensors'));
    expect((await weights(found)).equals(await weights(given))).toBe(true);
    await train({ data, threads: 1, out: found, resume: true });
    expect((await readJson<RunConfig>(join(found, 'config.json'))).training.lr).toBe(suggestion);
  });
});
