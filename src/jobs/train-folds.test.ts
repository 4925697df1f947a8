import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFolder, makeSample } from '../../test/support/made-data.js';
import { evaluate, exportRun, Segmenter } from '../inference/index.js';
import { readRunConfig, readRunSamples, RunFolder } from '../training/index.js';
import { partOfRun } from './part-of-run.js';
import { train } from './train.js';
import { trainFolds } from './train-folds.js';

let root: string;
let data: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pixelwise-folds-'));
  data = join(root, 'data');
  // Two images of each of six patients.
  await makeFolder(data, { count: 12, id: (i) => `p${i >> 1}-${i % 2}` });
});
afterAll(() => rm(root, { recursive: true }));

it('trains a run for each fold, and together they are one model', async () => {
  const notes: string[] = [];
  const options = {
    ...{ data, folds: 2, group: '^([^-]+)', test: 0.34, epochs: 1, size: 16, out: join(root, 'runs') },
    ...({
      model: 'unet',
      width: 2,
      depth: 2,
      augment: 'none',
      lr: 0.01,
      threads: 1,
      pictures: false,
    } as const),
    onNote: (text: string) => void notes.push(text),
  };
  const result = await trainFolds(options);
  expect(result).toMatchObject({ stopped: 'finished', report: join(root, 'runs', 'report.html') });
  expect(notes.join('\n')).toContain('2 folds of 4, 4 samples, no group in two of them');
  const samples = await Promise.all(result.folds.map(({ run }) => readRunSamples(new RunFolder(run))));
  const [a, b] = samples as [NonNullable<(typeof samples)[0]>, NonNullable<(typeof samples)[0]>];
  expect(a.test).toEqual(b.test);
  expect([...a.valid].sort()).toEqual([...b.train].sort());
  expect([...b.valid].sort()).toEqual([...a.train].sort());

  const ious = result.folds.map(({ valid }) => valid!.meanIoU!);
  const { meanIoU } = result.scores.valid!;
  expect(meanIoU!.mean).toBeCloseTo((ious[0]! + ious[1]!) / 2, 12);
  expect(meanIoU!.deviation).toBeCloseTo(Math.abs(ious[0]! - ious[1]!) / Math.SQRT2, 12);
  expect(await readFile(result.report!, 'utf8')).toContain('Cross-validation');

  // The folder is a model: the mean of its folds, and so is the exported file.
  const { image } = makeSample(99);
  const probabilities = async (source: string) => {
    const segmenter = await Segmenter.load(source, { threads: 1 });
    try {
      return (await segmenter.segment(image, { probabilities: true })).probabilities!.data;
    } finally {
      await segmenter.close();
    }
  };
  const [p, q] = [await probabilities(result.folds[0]!.run), await probabilities(result.folds[1]!.run)];
  const out = join(root, 'all.onnx');
  await exportRun(result.run, { out });
  for (const source of [result.run, out]) {
    const together = await probabilities(source);
    expect(Math.max(...together.map((value, i) => Math.abs(value - (p[i]! + q[i]!) / 2)))).toBeLessThan(1e-6);
  }
  const segmenter = await Segmenter.load(out, { threads: 1 });
  const first = new RunFolder(result.folds[0]!.run);
  const part = await partOfRun(first.path, await readRunConfig(first), data, 'test');
  const { meanIoU: joint } = await evaluate(segmenter, part);
  expect(joint).toBeCloseTo(result.ensemble!.meanIoU!, 6);
  await segmenter.close();

  await expect(train({ data, init: out, out: join(root, 'next') })).rejects.toThrow(
    /is an ensemble of several/,
  );

  // Folds that have ended are kept.
  const again = await trainFolds({ ...options, resume: true });
  expect(again.folds).toEqual(JSON.parse(JSON.stringify(result.folds)));
});

it('refuses what a cross-validation cannot have', async () => {
  await expect(trainFolds({ data, folds: 2, val: 0.2 })).rejects.toThrow(/leave --val out/);
  await expect(trainFolds({ data, folds: 13, out: join(root, 'many') })).rejects.toThrow(/12 samples for 13/);
});
