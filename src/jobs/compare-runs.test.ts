import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeCells } from '../data/demo-folder.js';
import { compareRuns } from './compare-runs.js';
import { train } from './train.js';

let folder: string;
let runs: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-compare-'));
  const data = join(folder, 'cells');
  await writeCells(data, { seed: 1, count: 10, width: 32, height: 32 });
  const settings = { data, depth: 2, size: 16, batch: 4, epochs: 1, augment: 'none', threads: 1, val: 0.3 };
  const first = await train({ ...settings, width: 2, lr: 1e-3, out: join(folder, 'first') });
  const second = await train({ ...settings, width: 4, lr: 1e-3, seed: 1, out: join(folder, 'second') });
  runs = [first.run, second.run];
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

async function compare(): Promise<{ document: Document; notes: string[]; done: string[] }> {
  const notes: string[] = [];
  const done: string[] = [];
  const out = await compareRuns(runs, {
    out: join(folder, 'comparison.html'),
    onNote: (note) => void notes.push(note),
    onProgress: (each, total) => void done.push(`${each}/${total}`),
  });
  return { document: parseHTML(await readFile(out, 'utf8')).document, notes, done };
}

it("predicts the first gallery's samples with every model, and marks those that trained on them", async () => {
  const { document, notes, done } = await compare();
  expect(notes).toEqual([]);
  expect(done).toEqual(Array.from({ length: 6 }, (_, i) => `${i + 1}/6`));
  const gallery = JSON.parse(await readFile(join(runs[0]!, 'samples', 'gallery.json'), 'utf8')) as {
    items: { id: string; meanIoU: number }[];
  };
  const seen = JSON.parse(
    await readFile(join(runs[1]!, 'samples', 'gallery.json'), 'utf8'),
  ) as typeof gallery;
  const figures = [...document.querySelectorAll('#samples figure')];
  expect(figures.length).toBe(3);
  for (const figure of figures) {
    const id = figure.querySelector('figcaption')!.textContent;
    const [, first, second] = [...figure.querySelectorAll('.what')].map(({ textContent }) => textContent);
    // Predicted anew, a sample scores as it did at the end of its run.
    expect(first).toContain(gallery.items.find((item) => item.id === id)!.meanIoU.toFixed(3));
    expect(first).not.toContain('trained on it');
    // Another seed held other samples out: it trained on every sample that it did not hold out.
    const held = seen.items.some((item) => item.id === id);
    expect(second!.includes('trained on it')).toBe(!held);
  }
  expect(document.querySelector('#samples .trained-on')).not.toBeNull();
});

it('shows what the runs kept, and says so, where the data is not at hand', async () => {
  await rename(join(folder, 'cells'), join(folder, 'moved'));
  const { document, notes, done } = await compare();
  await rename(join(folder, 'moved'), join(folder, 'cells'));
  expect(done).toEqual([]);
  expect(notes.join()).toContain('New predictions could not be made');
  expect(document.querySelector('#samples')!.textContent).toContain('New predictions could not be made');
});

it('ends where it is interrupted, and writes nothing', async () => {
  const out = join(folder, 'none.html');
  const signal = AbortSignal.abort(new Error('interrupted'));
  await expect(compareRuns(runs, { out, signal })).rejects.toThrow('interrupted');
  await expect(readFile(out)).rejects.toThrow();
});
