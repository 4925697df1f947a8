import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MadeUpRun } from '../../test/support/made-up-run.js';
import { writeMadeUpRun } from '../../test/support/made-up-run.js';
import { CheckpointWriter } from '../training/checkpoint-files.js';
import { type EpochRecord, RunFolder } from '../training/index.js';
import { Embedder } from './embed.js';
import { evenly, readPictures } from './pictures.js';
import { readRun } from './read-run.js';
import { repeatingCommand } from './repeating-command.js';
import { writeReport } from './report.js';
import { untilItBlowsUp } from './sections/curves.js';
import { mostConfused } from './sections/confusion.js';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'pixelwise-report-'))));
afterAll(() => rm(folder, { recursive: true }));

const made = (name: string, options?: MadeUpRun) => writeMadeUpRun(join(folder, name), options);

async function documentOf(name: string, options?: MadeUpRun): Promise<Document> {
  const report = await writeReport(await made(name, options));
  return parseHTML(await readFile(report, 'utf8')).document;
}
const sections = (document: Document) => [...document.querySelectorAll('section')].map(({ id }) => id);

describe('a report', () => {
  it('has its sections in order, and needs nothing but itself', async () => {
    const document = await documentOf('whole', { test: 20, classes: ['pet', 'background', 'border'] });
    expect(sections(document)).toEqual([
      ...['verdict', 'next', 'curves', 'classes', 'confusion'],
      ...['gallery', 'film', 'data', 'settings'],
    ]);
    const outside = [...document.querySelectorAll('[src], [href]')]
      .map((element) => element.getAttribute('src') ?? element.getAttribute('href')!)
      .filter((address) => !/^(#|data:image\/)/.test(address));
    expect(outside).toEqual([]);
    expect(document.querySelector('.lede')!.textContent).toBe(
      'The U-Net was trained to segment 3 classes (pet, background and border) on 120 images of cells at 128×96 pixels for 6 epochs. Of the other images, 40 were used to choose the best epoch and 20 were set aside for testing. Epoch 6 was the best.',
    );
    expect(document.querySelectorAll('#confusion td.right').length).toBe(3);
    expect(document.querySelectorAll('#film .mask').length).toBe(3);
  });

  it('names in its legends what its pictures show, also where no class is the background', async () => {
    const legendsOf = async (name: string, classes: readonly string[]) => {
      const document = await documentOf(name, { classes });
      const legends = [...document.querySelectorAll('#gallery .legend')].map((list) =>
        [...list.querySelectorAll('li')].map((item) => item.textContent.trim()),
      );
      return { legends, told: document.querySelector('#gallery .aside')!.textContent };
    };
    expect(await legendsOf('trimap', ['pet', 'background', 'border'])).toEqual({
      legends: [
        ['pet', 'border'],
        ['False positive', 'False negative', 'Wrong class'],
      ],
      told: 'In the error maps (all classes except background):',
    });
    expect(await legendsOf('street', ['sky', 'road', 'car'])).toEqual({
      legends: [['sky', 'road', 'car'], ['Wrong class']],
      told: 'In the error maps:',
    });
    expect((await legendsOf('two', ['sky', 'bird'])).legends).toEqual([
      ['bird'],
      ['False positive', 'False negative'],
    ]);
  });

  it('says what there is of a run that has nothing yet', async () => {
    const document = await documentOf('empty', { epochs: 0, wanted: 5, stopped: null, ids: [] });
    expect(sections(document)).toEqual(['verdict', 'data', 'settings']);
    expect(document.querySelector('.warning')!.textContent).toContain('No epoch is finished yet');
  });

  it('puts what was published beside the same score of the run', async () => {
    const recipe = {
      name: 'a-recipe',
      asPublished: true,
      source: 'An author: A title',
      published: [
        { what: 'loss of a term', value: 0.0012, score: 'valid.losses.dice' },
        { what: 'mean IoU', value: 0.7, to: 0.9, score: 'test.meanIoU' },
        { what: 'by group', value: 0.5, score: 'valid.meanGroupDice' },
        { what: 'by hand', value: 0.99 },
      ],
    };
    const document = await documentOf('published', {
      test: 9,
      ids: [],
      config: (config) => ({ ...config, recipe }),
    });
    const table = document.querySelector('#verdict [aria-label="Published scores and this run"]')!;
    const rows = [...table.querySelectorAll('tbody tr')].map((row) =>
      [...row.children].map((cell) => cell.textContent.trim().replace(/\s+/g, ' ')),
    );
    expect(rows).toEqual([
      ['loss of a term', '1.20e-3', '0.1000', 'Validation, image size, chosen on'],
      ['mean IoU', '0.700 to 0.900', expect.stringMatching(/^0\.\d{3}$/), 'Test, image size'],
      ['by group', '0.500', '–', 'not scored in this run'],
      ['by hand', '0.990', '–', 'no comparable score'],
    ]);
    expect(document.querySelector('#verdict')!.textContent).toContain('An author: A title');
  });

  it('says of pictures of training samples what they are worth', async () => {
    const document = await documentOf('learnt', { valid: 0, shows: 'train' });
    for (const id of ['verdict', 'gallery'])
      expect(document.querySelector(`#${id}`)!.textContent).toContain('trained on these samples');
    expect(document.querySelector('#gallery figcaption')!.textContent).toContain(
      'mean Dice 0.500 · mean IoU 0.600',
    );
    const held = await documentOf('held');
    expect(held.body.textContent).not.toContain('trained on these samples');
  });

  it('shows scores that are undefined as dashes, and draws gaps', async () => {
    const nothing = (each: EpochRecord): EpochRecord => ({
      ...each,
      valid: { ...each.valid!, loss: null, meanIoU: null, meanDice: null, pixelAccuracy: null },
    });
    const document = await documentOf('nan', { epochs: 2, stopped: null, ids: [], record: nothing });
    expect(document.querySelector('.figures dd')!.textContent.trim()).toBe('–');
    expect(document.querySelector('#verdict')!.textContent).toContain(
      'not a finite number in epochs 1 and 2',
    );
    expect(document.querySelector('#curves')!.innerHTML).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('links to the moving film from where it is written to', async () => {
    const run = await made('moving');
    await writeFile(join(run, 'film.webp'), '');
    const out = join(folder, 'elsewhere', 'report.html');
    expect(await writeReport(run, { out })).toBe(out);
    expect(await readFile(out, 'utf8')).toContain('href="../moving/film.webp"');
  });

  it('stays small and quick whatever the run', async () => {
    const run = await made('long', {
      classes: Array.from({ length: 30 }, (_, k) => `class ${k}`),
      epochs: 300,
      valid: 5000,
      groups: 2000,
      ids: [],
    });
    const began = performance.now();
    const report = await writeReport(run);
    expect((await stat(report)).size).toBeLessThan(3e6);
    expect(performance.now() - began).toBeLessThan(30_000);
    const { document } = parseHTML(await readFile(report, 'utf8'));
    expect(document.querySelectorAll('.heat tbody tr').length).toBe(24);
    expect(document.querySelector('#classes')!.textContent).toContain('the worst 40 of 1,714 are listed');
  });

  it('shows intervals, probabilities and a mark for each image that opens its picture', async () => {
    const document = await documentOf('images', { test: 20, images: 30, ids: [] });
    expect(sections(document)).toContain('probabilities');
    expect(document.querySelector('.figures .interval')!.textContent).toBe('0.730–0.820');
    expect(document.querySelectorAll('#classes .interval').length).toBe(1);
    expect(document.querySelector('#probabilities p')!.textContent).toContain(
      'The probabilities are off by 4.0 points on average: do not take them at their word.',
    );
    const marks = [...document.querySelectorAll('#images > .marks .mark')];
    expect(marks.length).toBe(30);
    expect(marks.filter((mark) => mark.hasAttribute('data-image')).length).toBe(15);
    const listed = JSON.parse(document.querySelector('#images-data')!.textContent!) as { id: string }[];
    for (const mark of marks.filter((each) => each.hasAttribute('data-image'))) {
      expect(mark.textContent.trim()).toMatch(
        new RegExp(`^${listed[Number(mark.getAttribute('data-image'))]!.id}: Dice 0\\.`),
      );
    }
    expect(document.querySelectorAll('#images .areas figure').length).toBe(1);
  });

  it('draws many images as a histogram', async () => {
    const document = await documentOf('histogram', { images: 500, ids: [] });
    expect(document.querySelectorAll('#images > .marks rect.mark').length).toBeLessThanOrEqual(25);
    expect(document.querySelector('#images p')!.textContent.replace(/\s+/g, ' ')).toContain(
      'the Dice of each of 500 images',
    );
  });

  it('leaves out what is no picture', async () => {
    const run = await made('no-picture', { images: 4, ids: [] });
    const file = join(run, 'samples', 'images.json');
    const text = (await readFile(file, 'utf8')).replace('data:image/webp;base64,', 'https://example.org/');
    await writeFile(file, text);
    const read = await readRun(run);
    expect(read.images).toBeUndefined();
    expect(read.notes.join()).toContain('samples/images.json is damaged');
  });

  it('refuses what is no run', async () => {
    await expect(writeReport(folder)).rejects.toThrow(/not a run folder/);
  });
});

describe('reading a run', () => {
  it('goes on without what is damaged, and says so', async () => {
    const path = await made('damaged');
    await writeFile(
      join(path, 'metrics.jsonl'),
      `${await readFile(join(path, 'metrics.jsonl'), 'utf8')}{"epo`,
    );
    await writeFile(join(path, 'scores.json'), '{');
    await writeFile(join(path, 'lr-find.json'), '{"points":[]}');
    await writeFile(join(path, 'samples', 'data.json'), '{"version":1}');
    await rm(join(path, 'samples', 'gallery', '1-truth.png'));
    const run = await readRun(path);
    expect(run.history.length).toBe(6);
    expect(run.ended).toBeUndefined();
    expect(run.gallery!.items.length).toBe(2);
    expect(run.data).toBeUndefined();
    const notes = run.notes.join('\n');
    for (const name of [
      'Line 7 of metrics.jsonl',
      'scores.json is damaged',
      'lr-find.json',
      'data.json',
      '1-truth.png',
    ])
      expect(notes).toContain(name);
  });

  it('takes changed epochs from the checkpoint, and says so', async () => {
    const path = await made('changed', { epochs: 2, ids: [] });
    const run = new RunFolder(path);
    const lines = (await readFile(run.metricsPath, 'utf8')).trimEnd().split('\n');
    await mkdir(run.checkpoint('2'));
    const files = new CheckpointWriter(run.checkpoint('2'));
    const history = lines.map((line) => JSON.parse(line) as object);
    const fit = { epoch: 2, batch: 0, step: 30, batches: 30, running: null, history, callbacks: {} };
    const state = { fit, arrays: {}, optimizer: { type: 'adam', groups: [] } };
    await files.write('state.json', JSON.stringify(state));
    await files.finish();
    await run.point('last', '2');
    expect((await readRun(path)).notes).toEqual([]);
    await writeFile(run.metricsPath, `${lines[0]}\n${lines[1]!.replace('"seconds":4', '"seconds":5')}\n`);
    const read = await readRun(path);
    expect(read.history.map(({ seconds }) => seconds)).toEqual([4, 4]);
    expect(read.notes.join()).toContain('Line 2 of metrics.jsonl is not as it was written');
    await writeFile(join(run.checkpoint('2'), 'state.json'), '{}');
    expect((await readRun(path)).notes.join()).toContain('metrics.jsonl could not be verified');
  });

  it('does not take the scores of an earlier end for those of a run that went on', async () => {
    const path = await made('went-on', { epochs: 3, stopped: 'interrupted', ids: [] });
    const line = (await readFile(join(path, 'metrics.jsonl'), 'utf8')).split('\n')[2]!;
    await writeFile(join(path, 'metrics.jsonl'), `${line}\n`.repeat(4));
    expect((await readRun(path)).ended).toBeUndefined();
  });

  it('keeps the first and the last frame of a film, and between them as many as fit', async () => {
    const path = await made('film', { epochs: 20, ids: ['a'] });
    const samples = join(path, 'samples');
    const whole = (await readPictures(samples)).film!;
    expect(whole.frames.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    const bytes = (frame: (typeof whole.frames)[number]) => frame.masks[0]!.length;
    const all = whole.frames.reduce((sum, frame) => sum + bytes(frame), 0);
    const others = JSON.stringify(await readPictures(samples)).length - all;
    const some = (await readPictures(samples, others + all / 2)).film!;
    const epochs = some.frames.map(({ epoch }) => epoch);
    expect([epochs[0], epochs.at(-1), some.epochs]).toEqual([1, 20, 20]);
    expect(epochs.length).toBeGreaterThan(5);
    expect(epochs.length).toBeLessThan(20);
  });

  it('embeds nothing from outside of the run', async () => {
    await mkdir(join(folder, 'inside'));
    await writeFile(join(folder, 'secret.png'), 'x');
    const embedder = new Embedder(join(folder, 'inside'), 1e6);
    for (const path of ['../secret.png', '/etc/passwd', join(folder, 'secret.png'), 'x/../../secret.png'])
      expect(await embedder.embed(path)).toBeUndefined();
  });
});

it('shows the range test as far as it tells something', async () => {
  const run = await made('range', { ids: [] });
  const points = [
    { lr: 1e-5, loss: 2 },
    { lr: 1e-4, loss: 1.9 },
    { lr: 1e-3, loss: 1 },
    { lr: 1e-2, loss: 2.4 },
    { lr: 1e-1, loss: 80 },
    { lr: 1, loss: null },
  ];
  const line = points.map(({ lr, loss }) => [lr, loss] as const);
  expect(untilItBlowsUp(line)).toEqual(line.slice(0, 4));
  expect(untilItBlowsUp(line.slice(0, 3))).toEqual(line.slice(0, 3));
  await writeFile(join(run, 'lr-find.json'), JSON.stringify({ suggestion: 3e-4, points }));
  const { document } = parseHTML(await readFile(await writeReport(run), 'utf8'));
  const chart = document.querySelector('#curves svg[aria-label^="Loss by learning rate"]')!;
  expect(chart.querySelectorAll('circle').length).toBe(4);
  expect(chart.textContent).toContain('suggestion 0.0003');
  // Rates as rates are written, and not in millionths.
  expect(chart.textContent).toContain('0.001');
  expect(chart.textContent).not.toMatch(/[mµ]\b/);
});

it('spreads evenly', () => {
  expect(evenly(1, 8, 4)).toEqual([2, 4, 6, 8]);
  expect(evenly(1, 3, 9)).toEqual([1, 2, 3]);
  expect(evenly(1, 0, 9)).toEqual([]);
});

it('keeps the classes that are most confused, in their order', () => {
  const rows = [
    [9, 0, 1],
    [0, 9, 0],
    [5, 0, 1],
  ];
  expect(mostConfused(rows, 2)).toEqual([0, 2]);
  expect(mostConfused(rows, 9)).toEqual([0, 1, 2]);
});

it('tells the command that repeats a run, for a shell', async () => {
  const { config } = await readRun(await made('command', { ids: [] }));
  const options = {
    ...config.options,
    batchNorm: true,
    freezeEncoder: false,
    classes: ['sky', "it's"],
    seed: 3,
  };
  const data = { ...config.data, path: '/my data' };
  expect(repeatingCommand({ ...config, data, options })).toBe(
    `pixelwise train --data '/my data' --width 16 --epochs 6 --augment flip --size 96x128 --batch-norm --no-freeze-encoder --classes 'sky,it'\\''s' --seed 0 --threads 2`,
  );
});
