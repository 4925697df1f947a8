import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MadeUpRun } from '../../test/support/made-up-run.js';
import { madeUpScores, writeMadeUpRun } from '../../test/support/made-up-run.js';
import type { EpochRecord } from '../training/index.js';
import { readRun } from './read-run.js';
import { overfittingSince, warningsAbout } from './warnings.js';

let folder: string;
let number = 0;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'pixelwise-warnings-'))));
afterAll(() => rm(folder, { recursive: true }));

async function warnings(options: MadeUpRun) {
  const path = await writeMadeUpRun(join(folder, String(number++)), { ids: [], ...options });
  return warningsAbout(await readRun(path));
}
const codes = async (options: MadeUpRun) => (await warnings(options)).map(({ code }) => code);

describe('warnings', () => {
  it('has nothing to beware of in an ordinary run', async () => {
    const said = await warnings({ epochs: 12, test: 40 });
    expect(said.filter(({ level }) => level === 'warning')).toEqual([]);
  });

  it.each([
    ['not-ended', { stopped: null, wanted: 9 }],
    ['no-epoch', { stopped: null, epochs: 0, wanted: 9 }],
    ['interrupted', { stopped: 'interrupted', wanted: 9 }],
    ['stopped-early', { stopped: 'patience', wanted: 9 }],
    ['no-validation', { valid: 0 }],
    ['few-validation', { valid: 12 }],
    ['chosen-on', { valid: 50 }],
    ['size-of-model', { stopped: null }],
    ['few-training', { config: (c) => ({ ...c, data: { ...c.data, train: 9 } }) }],
    ['still-rising', { epochs: 6 }],
    ['data-problems', { ids: ['a'] }],
  ] satisfies [string, MadeUpRun][])('%s', async (code, options) => {
    expect(await codes(options)).toContain(code);
    expect(await codes({ epochs: 30, test: 40 })).not.toContain(code);
  });

  it('does not call a curve still rising whose best epoch is long past', async () => {
    const record = (each: EpochRecord): EpochRecord =>
      each.epoch === 3 ? { ...each, valid: { ...each.valid!, meanIoU: 0.99 } } : each;
    const path = await writeMadeUpRun(join(folder, 'past'), { ids: [], epochs: 6, record, bestEpoch: 3 });
    expect(warningsAbout(await readRun(path)).map(({ code }) => code)).not.toContain('still-rising');
  });

  it('names the epochs whose loss was not finite', async () => {
    const record = (each: EpochRecord): EpochRecord =>
      each.epoch === 3 ? { ...each, train: { ...each.train, loss: null } } : each;
    const said = await warnings({ record });
    expect(said.find(({ code }) => code === 'non-finite')?.text).toContain('in epoch 3.');
  });

  it('tells since when a run overfits, and only where training still gained', () => {
    const history = (valid: number[], train: number[]) =>
      valid.map((loss, i): EpochRecord => {
        const scores = madeUpScores(['a', 'b'], 0.8, 40);
        const base = { epoch: i + 1, step: i, lr: 1, seconds: 1, imagesPerSecond: 1, waitSeconds: 0 };
        return { ...base, train: { ...scores, loss: train[i]! }, valid: { ...scores, loss } };
      });
    const falling = [1, 0.8, 0.6, 0.5, 0.4, 0.3];
    const since = (valid: number[], train = falling) => overfittingSince({ history: history(valid, train) });
    expect(since([1, 0.5, 0.6, 0.7, 0.8, 0.9])).toBe(2);
    expect(since([1, 0.8, 0.7, 0.6, 0.5, 0.5])).toBeUndefined();
    expect(since([1, 0.5, 0.51, 0.5, 0.52, 0.51])).toBeUndefined();
    expect(since([1, 0.5, 0.6, 0.7, 0.8, 0.9], [1, 0.8, 0.9, 1, 1.1, 1.2])).toBeUndefined();
    expect(since([1, 0.9, 0.8, 0.5, 0.6, 0.9])).toBeUndefined();
  });

  it('names weak, rare and absent classes, and one answer to everything', async () => {
    const path = await writeMadeUpRun(join(folder, 'weak'), { ids: [], epochs: 3 });
    const run = await readRun(path);
    const judged = run.judged[0]!;
    const [back, cell] = judged.scores.classes;
    const say = (classes: readonly object[], confusion?: number[][]) =>
      warningsAbout({
        ...run,
        judged: [{ ...judged, scores: { ...judged.scores, classes, confusion } as typeof judged.scores }],
      })
        .map(({ text }) => text)
        .join('\n');
    const rare = { ...cell, name: 'bicyclist', pixels: Math.round(back!.pixels * 0.003), iou: 0.11 };
    expect(say([back!, rare])).toContain('Class "bicyclist" (0.30% of the pixels) has an IoU of 0.11.');
    expect(say([back!, { ...rare, iou: 0, recall: 0 }])).toContain('is never found');
    expect(say([back!, { ...cell, pixels: 0, iou: null }])).toContain('The validation part has no pixels of');
    expect(
      say(
        [back!, cell!],
        [
          [60, 0],
          [40, 0],
        ],
      ),
    ).toContain('predicts "background" for 100% of all pixels');
    expect(
      say(
        [back!, cell!],
        [
          [100, 0],
          [0, 0],
        ],
      ),
    ).not.toContain('collapsed');
  });
});
