import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MadeUpRun } from '../../../test/support/made-up-run.js';
import { writeMadeUpRun } from '../../../test/support/made-up-run.js';
import type { RunConfig } from '../../training/index.js';
import { caveatsOf } from './caveats.js';
import type { Compared } from './compared.js';
import { distinctNames, readCompared } from './compared.js';
import { writeComparison } from './comparison.js';
import type { ComparedSamples } from './samples.js';
import { sharedSamples, withinBytes } from './samples.js';
import { configDifferences } from './settings-section.js';
import { bestOf } from './value-table.js';
import { rankingOf } from './verdict-section.js';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'pixelwise-comparison-'))));
afterAll(() => rm(folder, { recursive: true }));

let groups = 0;
/** Runs made up for a test, under their names. */
async function runsOf(made: Readonly<Record<string, MadeUpRun>>): Promise<Compared> {
  const group = join(folder, String(++groups));
  const paths: string[] = [];
  for (const [name, options] of Object.entries(made))
    paths.push(await writeMadeUpRun(join(group, name), options));
  return readCompared(paths);
}

const elsewhere = (config: RunConfig): RunConfig => ({
  ...config,
  data: { ...config.data, path: '/other', fingerprint: 'cd'.repeat(32) },
});
const otherSplit = (config: RunConfig): RunConfig => ({
  ...config,
  data: { ...config.data, fingerprint: 'cd'.repeat(32) },
});
const codes = (compared: Compared) => caveatsOf(compared).map(({ code }) => code);

describe('a comparison', () => {
  it('names the best, marks it by more than colour, and tells what differs', async () => {
    const compared = await runsOf({
      small: { test: 50, epochs: 4, right: 0.7 },
      large: {
        test: 50,
        right: 0.85,
        config: (config) => ({ ...config, model: { name: 'unet', options: { width: 64, batchNorm: true } } }),
      },
    });
    expect(rankingOf(compared)).toMatch(
      /^On the test images large is the best by mean IoU, 0\.\d{3}, followed by small with 0\.\d{3}\.$/,
    );
    const file = await writeComparison(compared, { out: join(folder, 'comparison.html') });
    const { document } = parseHTML(await readFile(file, 'utf8'));
    expect([...document.querySelectorAll('section')].map(({ id }) => id)).toEqual([
      'verdict',
      'scores',
      'classes',
      'curves',
      'samples',
      'settings',
    ]);
    const [test, valid] = document.querySelectorAll('#scores table');
    for (const table of [test!, valid!]) {
      const [meanIoU] = table.querySelectorAll('tbody tr');
      const cells = [...meanIoU!.querySelectorAll('td')].map((cell) => cell.textContent.trim());
      expect(cells[0]).toMatch(/^0\.\d{3}$/);
      expect(cells[1]).toMatch(/^★best: 0\.\d{3}$/);
    }
    expect(test!.textContent).toMatch(/Epoch chosen on them\s*no\s*no/);
    expect(valid!.textContent).toMatch(/Epoch chosen on them\s*yes, 4\s*yes, 6/);
    const settings = [...document.querySelectorAll('#settings code')].map(({ textContent }) => textContent);
    expect(settings).toEqual(['model.options.width', 'training.epochs']);
    expect(document.querySelectorAll('#curves svg.chart').length).toBe(5);
    const dashes = [...document.querySelectorAll('#curves .legend path')].map((path) =>
      path.getAttribute('stroke-dasharray'),
    );
    expect(new Set(dashes).size).toBe(2);
    const outside = [...document.querySelectorAll('[src], [href]')]
      .map((element) => element.getAttribute('src') ?? element.getAttribute('href')!)
      .filter((address) => !/^(#|data:image\/)/.test(address));
    expect(outside).toEqual([]);
    const cells = [...document.querySelectorAll('td, th')].map(({ textContent }) => textContent);
    expect(cells.filter((cell) => /NaN|undefined/.test(cell))).toEqual([]);
  });

  it('shows the same samples under each model', async () => {
    const compared = await runsOf({ a: { ids: ['x', 'y', 'z'] }, b: { ids: ['y', 'z', 'w'], seed: 1 } });
    expect(sharedSamples(compared)!.samples.map(({ id }) => id)).toEqual(['y', 'z']);
    const why = 'The data is gone.';
    const file = await writeComparison(compared, { out: join(folder, 'samples.html'), why });
    const { document } = parseHTML(await readFile(file, 'utf8'));
    const figures = document.querySelectorAll('#samples figure');
    expect(figures.length).toBe(2);
    expect(figures[0]!.querySelectorAll('button.panel').length).toBe(6);
    expect(document.querySelector('#samples p')!.textContent).toContain(why);
  });

  it('marks no best where figures are not of one thing, and says why', async () => {
    const classes = await runsOf({ a: {}, b: { classes: ['background', 'cell', 'debris'] } });
    expect(classes.ranked).toBe(false);
    expect(codes(classes)).toContain('classes');
    expect(rankingOf(classes)).toMatch(
      /^On the validation images of each run, mean IoU is 0\.\d{3} for a and /,
    );
    const file = await writeComparison(classes, { out: join(folder, 'classes.html') });
    const { document } = parseHTML(await readFile(file, 'utf8'));
    expect(document.querySelectorAll('#scores .star, #classes .star, #samples .star').length).toBe(0);
    const rows = [...document.querySelectorAll('#classes tbody th')].map(({ textContent }) =>
      textContent.trim(),
    );
    expect(rows).toEqual(['background', 'cell', 'debris']);

    const data = await runsOf({ a: {}, b: { config: elsewhere } });
    expect([data.ranked, codes(data)[0]]).toEqual([false, 'data']);
    // An equal id of other data is another image.
    expect(sharedSamples(data)).toBeUndefined();

    const early = await runsOf({ a: {}, b: { stopped: null, wanted: 9 } });
    expect(early.ranked).toBe(false);
    expect(codes(early)).toEqual(['size', 'not-ended', 'chosen-on']);
  });

  it('says where other images were held out, where they are few, and where losses differ', async () => {
    const compared = await runsOf({
      a: { valid: 12 },
      b: {
        valid: 12,
        config: (config) => otherSplit({ ...config, training: { ...config.training, loss: 'focal' } }),
      },
    });
    expect(compared.ranked).toBe(true);
    expect(codes(compared)).toEqual(['parts', 'chosen-on', 'loss']);
    expect(caveatsOf(compared)[1]!.text).toContain('only 12 images');
    const file = await writeComparison(compared, { out: join(folder, 'losses.html') });
    const { document } = parseHTML(await readFile(file, 'utf8'));
    const scores = [...document.querySelectorAll('#scores tbody th')].map(({ textContent }) =>
      textContent.trim(),
    );
    expect(scores).not.toContain('Loss');
    expect(scores).toContain('Loss: dice');
  });

  it('compares runs that have nothing yet, and names as text', async () => {
    const name = '<b onclick="x">&\'run\'';
    const compared = await runsOf({
      [name]: { epochs: 0, wanted: 3, stopped: null, ids: [] },
      b: { ids: [] },
    });
    expect(compared.part).toBeUndefined();
    const file = await writeComparison(compared, { out: join(folder, 'nothing.html') });
    const { document } = parseHTML(await readFile(file, 'utf8'));
    expect(document.querySelector('h1')!.textContent).toBe(`${name} · b`);
    expect(document.querySelector('b')).toBeNull();
    expect(document.querySelector('#samples')!.textContent).toContain(
      'The runs have no pictures of the same samples',
    );
  });

  it('stays small with eight runs of many classes and epochs', async () => {
    const classes = Array.from({ length: 30 }, (_, k) => `class ${k}`);
    const made = { classes, epochs: 200, ids: [] };
    const names = Array.from({ length: 8 }, (_, i) => `run ${i}`);
    const compared = await runsOf(Object.fromEntries(names.map((name) => [name, made])));
    const file = await writeComparison(compared, { out: join(folder, 'eight.html') });
    expect((await stat(file)).size).toBeLessThan(2e6);
  });

  it('refuses one run, nine, and one named twice', async () => {
    const paths = Array.from({ length: 9 }, (_, i) => join(folder, `none ${i}`));
    await expect(readCompared(paths.slice(0, 1))).rejects.toThrow('2 to 8 runs');
    await expect(readCompared(paths)).rejects.toThrow('got 9');
    await expect(readCompared([paths[0]!, `${paths[0]}/`])).rejects.toThrow('given twice');
    await expect(readCompared(paths.slice(0, 2))).rejects.toThrow(/not a run folder/);
  });
});

it('falls back on the last frames of films', async () => {
  const compared = await runsOf({ a: {}, b: {} });
  const { gallery: _gallery, ...filmed } = compared.columns[1]!.run;
  const columns = [compared.columns[0]!, { ...compared.columns[1]!, run: filmed }];
  const shown = sharedSamples({ ...compared, columns })!;
  expect(shown.samples.length).toBe(3);
  expect(shown.samples[0]!.predictions[1]!.mask).toBe(filmed.film!.frames.at(-1)!.masks[0]);
  expect(shown.notes.join()).toContain('films');
});

it('leaves out the samples that no longer fit, by name', () => {
  const sample = (id: string) => ({
    id,
    width: 1,
    height: 1,
    image: 'x'.repeat(50),
    truth: '',
    predictions: [],
  });
  const shown: ComparedSamples = {
    source: 0,
    part: 'valid',
    samples: ['a', 'b', 'c'].map(sample),
    notes: [],
  };
  const some = withinBytes(shown, 120);
  expect(some.samples.map(({ id }) => id)).toEqual(['a', 'b']);
  expect(some.notes).toEqual(['Left out to limit the size of this file: c.']);
  expect(withinBytes(shown, 150)).toBe(shown);
});

it('calls runs by the shortest names that differ', () => {
  expect(distinctNames(['/runs/a', '/runs/b'])).toEqual(['a', 'b']);
  expect(distinctNames(['/one/run', '/two/run', '/two/other'])).toEqual(['one/run', 'two/run', 'two/other']);
});

it('finds the best of a row, to the digits shown', () => {
  const write = (value: number | null | undefined) => value?.toFixed(2) ?? '–';
  expect(bestOf({ values: [0.501, 0.7, 0.699, null], write, better: 'larger' })).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(bestOf({ values: [0.5, 0.7, undefined], write, better: 'smaller' })).toEqual([true, false, false]);
  expect(bestOf({ values: [0.501, 0.499], write, better: 'larger' })).toEqual([false, false]);
  expect(bestOf({ values: [0.5, null], write, better: 'larger' })).toEqual([false, false]);
  expect(bestOf({ values: [1, 2], write })).toEqual([false, false]);
});

it('finds what differs between configurations, absent entries too', async () => {
  const { columns } = await runsOf({ a: { ids: [] }, b: { ids: [] } });
  const { config } = columns[0]!.run;
  const other: RunConfig = {
    ...config,
    options: { given: 'otherwise' },
    classes: ['background', 'nucleus'],
    training: { ...config.training, ema: 0.99, patience: 3 },
  };
  expect(configDifferences([config, other])).toEqual([
    { entry: 'classes', values: ['background, cell', 'background, nucleus'] },
    { entry: 'training.patience', values: ['none', '3'] },
    { entry: 'training.ema', values: [undefined, '0.99'] },
  ]);
  expect(configDifferences([config, config])).toEqual([]);
});
