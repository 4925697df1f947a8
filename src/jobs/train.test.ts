import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCells } from '../data/demo-folder.js';
import { parseRunScores, readRunConfig, RunFolder } from '../training/index.js';
import type { TrainOptions } from './train-options.js';
import { train } from './train.js';

let folder: string;
let settings: TrainOptions;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-train-'));
  const data = join(folder, 'cells');
  await writeCells(data, { seed: 1, count: 6, width: 32, height: 32 });
  settings = { data, width: 2, depth: 2, size: 16, batch: 4, augment: 'none', threads: 1 };
});
afterAll(() => rm(folder, { recursive: true }));

/** Trains into the run folder `name`. */
const into = (name: string, changes: Partial<TrainOptions> = {}) =>
  train({ ...settings, out: join(folder, name), ...changes });

const present = (name: string) =>
  access(join(folder, name)).then(
    () => true,
    () => false,
  );

describe('train', () => {
  it('writes nothing where the first step cannot be made', async () => {
    await expect(into('broken', { loss: 'bce' })).rejects.toThrow(/use cross-entropy/);
    expect(await present('broken')).toBe(false);
    await expect(into('broken', { dropLast: true, batch: 6 })).rejects.toThrow(/--drop-last/);
    expect(await present('broken')).toBe(false);
  });

  it('starts afresh in a folder whose run has no checkpoint', async () => {
    const run = new RunFolder(join(folder, 'half'));
    await run.create();
    await run.writeConfig({ version: 0, training: {} });
    const notes: string[] = [];
    const onNote = (text: string) => void notes.push(text);
    expect(await into('half', { epochs: 1, onNote })).toMatchObject({ epochs: 1 });
    expect(notes.join('\n')).toContain('before its first checkpoint: a new run starts');
  });

  it.each([
    ['--resume without --out', { resume: true, out: undefined }, /--resume needs --out/],
    ['two lengths', { epochs: 1, minutes: 1 }, /--epochs and --minutes/],
    ['steps of another schedule', { stepEpochs: 2, schedule: 'cosine' }, /--schedule step, not for cosine/],
    ['a factor of another schedule', { stepFactor: 0.5 }, /--schedule step or multi-step, not for one-cycle/],
    [
      'weights of no run',
      { init: '/nonexistent/run' },
      /--init \/nonexistent\/run: there is no such run folder/,
    ],
  ] satisfies [string, Partial<TrainOptions>, RegExp][])('refuses %s', async (_, changes, message) => {
    await expect(into('refused', changes)).rejects.toThrow(message);
    expect(await present('refused')).toBe(false);
  });

  it('trains on patches, scores images in tiles, and goes on from there', async () => {
    const large = join(folder, 'large');
    await writeCells(large, { seed: 2, count: 6, width: 40, height: 36 });
    const patches = {
      size: undefined,
      patch: 32,
      data: large,
      epochs: 2,
      val: 2 / 6,
      loss: 'cross-entropy+dice',
    };
    const whole = await into('patches', patches);
    expect(await readRunConfig(new RunFolder(whole.run))).toMatchObject({
      patch: { scale: 1 },
      size: { height: 32, width: 32 },
    });
    expect(whole.valid).toMatchObject({ samples: 2, losses: { dice: expect.any(Number) as number } });
    const stopping = new AbortController();
    const stop = { name: 'stop', epochEnd: () => stopping.abort() };
    const broken = { ...patches, callbacks: [stop], signal: stopping.signal };
    expect((await into('stopped', broken)).stopped).toBe('interrupted');
    const resumed = await into('stopped', { size: undefined, data: large, resume: true });
    expect(resumed.valid).toEqual(whole.valid);
    await expect(into('both', { patch: 32 })).rejects.toThrow(/give one of them/);
  });

  it('leaves its scores in the run, with the pixels that they were counted from', async () => {
    const result = await into('scored', { epochs: 1, val: 2 / 6, test: 1 / 6 });
    const { run, report: _report, format, pairing, chosen, ...outcome } = result;
    expect({ format, pairing }).toEqual({ format: 'folder', pairing: '6 pairs: images/N.png ↔ masks/N.png' });
    const folder = new RunFolder(run);
    const scores = parseRunScores(await readFile(folder.scoresPath, 'utf8'), folder.scoresPath);
    expect(scores).toMatchObject(outcome);
    expect(chosen.map(({ setting }) => setting)).toContain('model');
    const { confusion, classes } = scores.test!;
    expect(confusion!.map((row) => row.reduce((sum, count) => sum + count))).toEqual(
      classes.map(({ pixels }) => pixels),
    );
  });

  it('does not start a run over files of other origin', async () => {
    for (const name of ['config.json', 'samples/photo.jpg', 'checkpoints/thesis.txt']) {
      const own = join(folder, 'own', name);
      await mkdir(dirname(own), { recursive: true });
      await writeFile(own, '{"version": 3}');
      await expect(into('own')).rejects.toMatchObject({ code: 'folder-in-use' });
      expect(await readdir(join(folder, 'own'), { recursive: true })).toContain(join(name));
      await rm(join(folder, 'own'), { recursive: true });
    }
  });

  it('resumes only what the run began with', async () => {
    await into('done', { epochs: 1 });
    await expect(into('done', { epochs: 1 })).rejects.toThrow(/already contains a run/);
    const again = (changes: Partial<TrainOptions>) => into('done', { resume: true, ...changes });
    await expect(again({ epochs: 2 })).rejects.toThrow(/--epochs 2: .* keeps its length, 1 epochs/);
    await expect(again({ minutes: 3 })).rejects.toThrow(/--minutes 3: .* keeps its length, 1 epochs/);
    await expect(again({ init: 'other' })).rejects.toThrow(/--init other: it was started without/);
    await expect(again({ encoderWeights: 'imagenet' })).rejects.toThrow(/--encoder-weights imagenet/);
    expect(await again({ epochs: 1, encoderWeights: 'none' })).toMatchObject({
      epochs: 1,
      stopped: 'epochs',
    });
    // The same names with other content; what was done before is found again by content, not by time.
    const mask = join(folder, 'cells', 'masks', '0003.png');
    const [before, other] = [
      await readFile(mask),
      await readFile(join(folder, 'cells', 'masks', '0004.png')),
    ];
    await writeFile(mask, other);
    await expect(again({})).rejects.toThrow(
      /cannot be resumed: masks in .*cells have changed since it began/,
    );
    await writeFile(mask, before);
    expect(await again({})).toMatchObject({ epochs: 1 });
  });
});
