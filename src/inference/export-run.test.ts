import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testImage, tinyCard, tinyUNet } from '../../test/inference/tiny-model.js';
import { writeTinyRun } from '../../test/inference/tiny-run.js';
import { exportRun } from './export-run.js';
import { loadRun } from './load-run.js';
import { Segmenter } from './segmenter.js';

const card = tinyCard(3);
let folder: string;
let run: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-export-'));
  run = join(folder, 'run');
  await writeTinyRun(run, card, [tinyUNet(card, 9).state, tinyUNet(card, 3).state]);
  const scores = { samples: 4, pixelAccuracy: 0.9, meanIoU: 0.7, meanDice: 0.8, classes: [] };
  const record = { epoch: 1, step: 3, lr: 0.1, seconds: 1, imagesPerSecond: 3, train: scores, valid: scores };
  await writeFile(join(run, 'metrics.jsonl'), `${JSON.stringify(record)}\n`);
});
afterAll(() => rm(folder, { recursive: true }));

describe('exporting a run', () => {
  it('writes a file with the same predictions as the run', async () => {
    const {
      file,
      bytes,
      card: exported,
    } = await exportRun(run, {
      out: join(folder, 'models', 'm.onnx'),
      license: 'CC BY 4.0',
    });
    expect((await stat(file)).size).toBe(bytes);
    expect(exported.license).toBe('CC BY 4.0');
    expect(exported.scores).toEqual({
      part: 'valid',
      scoredAt: 'model',
      epoch: 1,
      samples: 4,
      pixelAccuracy: 0.9,
      meanIoU: 0.7,
      meanDice: 0.8,
    });
    const [a, b] = [await Segmenter.load(run, { threads: 1 }), await Segmenter.load(file, { threads: 1 })];
    expect(b.card).toEqual(exported);
    const image = testImage(61, 47);
    const [x, y] = [
      await a.segment(image, { probabilities: true }),
      await b.segment(image, { probabilities: true }),
    ];
    expect(y.probabilities).toEqual(x.probabilities);
    await Promise.all([a.close(), b.close()]);
  });

  it('exports the requested checkpoint', async () => {
    const [best, last] = [await loadRun(run), await loadRun(run, 'last')];
    expect(last.checkpoint).toBe(join(run, 'checkpoints', '2'));
    expect(last.graph).not.toEqual(best.graph);
    expect(last.card.scores).toBeUndefined();
  });
});
