/** The largest report there is: a large validation part, and a gallery and a film of full size whose pictures are hard to pack. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeMadeUpRun } from '../../test/support/made-up-run.js';
import { CLASS_PALETTE } from '../images/palette.js';
import { Random } from '../random/index.js';
import { FILM_SIDE } from './film.js';
import { GALLERY_SIDE } from './gallery.js';
import { writeReport } from './report.js';
import { encodeMaskLayer, encodeWebp } from './view.js';

const SAMPLES = 21;
const FRAMES = 60;
const CLASSES = 11;
/** Classes change about every so many pixels of a row: more often than in any mask but a first epoch's. */
const RUN_LENGTH = 8;

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'pixelwise-report-size-'))));
afterAll(() => rm(folder, { recursive: true }));

it('stays below 15 MB and 512 MiB with 5,000 validation samples and pictures of full size', async () => {
  const run = await writeMadeUpRun(join(folder, 'run'), {
    classes: Array.from({ length: CLASSES }, (_, k) => `class ${k}`),
    epochs: FRAMES,
    valid: 5000,
    groups: 5000,
    ids: Array.from({ length: SAMPLES }, (_, i) => `sample ${i}`),
  });
  const samples = join(run, 'samples');
  await enlarge(join(samples, 'gallery'), GALLERY_SIDE);
  await enlarge(join(samples, 'film'), FILM_SIDE);
  for (let epoch = 1; epoch <= FRAMES; epoch++)
    await enlarge(join(samples, 'film', String(epoch)), FILM_SIDE);

  const before = process.resourceUsage().maxRSS;
  const report = await writeReport(run);
  const grown = (process.resourceUsage().maxRSS - before) / 1024;
  expect(grown).toBeLessThan(512);
  const { size } = await stat(report);
  expect(size).toBeLessThan(15e6);
  // Nothing of it was empty: the gallery is whole, and the film has many frames.
  const text = await readFile(report, 'utf8');
  expect(text.match(/<figure class="card"/g)).toHaveLength(SAMPLES);
  expect(size).toBeGreaterThan(8e6);
}, 60_000);

/** By their side: a photo and a mask. */
const drawn = new Map<number, Promise<[photo: Uint8Array, mask: Uint8Array]>>();

/** Puts pictures of another size in place of those in a folder. */
async function enlarge(path: string, side: number): Promise<void> {
  const pictures =
    drawn.get(side) ?? Promise.all([encodeWebp(speckled(side)), encodeMaskLayer(patches(side), colours, 0)]);
  drawn.set(side, pictures);
  const [photo, mask] = await pictures;
  for (const name of await readdir(path)) {
    if (name.endsWith('.webp')) await writeFile(join(path, name), photo);
    if (name.endsWith('.png')) await writeFile(join(path, name), mask);
  }
}

const colours = Array.from({ length: CLASSES }, (_, k) => {
  const [red, green, blue] = CLASS_PALETTE.subarray(3 * k, 3 * k + 3);
  return [red!, green!, blue!] as const;
});

function speckled(side: number) {
  const random = new Random(0, 'photo');
  const data = Uint8Array.from({ length: 3 * side * side }, () => random.integer(256));
  return { width: side, height: side, channels: 3, data };
}

function patches(side: number) {
  const random = new Random(0, 'mask');
  let now = 0;
  const data = Uint8Array.from({ length: side * side }, () => {
    if (random.float() < 1 / RUN_LENGTH) now = random.integer(CLASSES);
    return now;
  });
  return { width: side, height: side, data };
}
