/**
 * The folder that the studio leaves, from the first stroke to a trained model: `doctor` finds no errors, `train` takes it
 * as it is, and another program (Pillow, where there is one) reads the labels as indices with their palette.
 */
import { execFile, spawnSync } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { examine } from '../../src/data/doctor/examine.js';
import { writeCells } from '../../src/data/demo-folder.js';
import { decodeStoredMask } from '../../src/images/decode-mask.js';
import { train } from '../../src/jobs/train.js';
import { type RunningStudio, startStudio } from '../../src/studio/index.js';
import { temporaryFolder } from '../support/made-data.js';

const PYTHON = '/usr/bin/python3';
const PILLOW = spawnSync(PYTHON, ['-c', 'import PIL']).status === 0;
const SIDE = 64;
const CLASSES = [
  { name: 'background', colour: '#202040' },
  { name: 'cell', colour: '#e69f00' },
];

let root: string;
let remove: () => Promise<void>;
let studio: RunningStudio;

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder());
  await writeCells(root, { seed: 2, count: 5, width: SIDE, height: SIDE });
  await rm(join(root, 'masks'), { recursive: true });
  for (const name of ['classes.txt', '.pixelwise-written']) await rm(join(root, name));
  studio = await startStudio(root, { port: 0, page: root, threads: 1, encoderWeights: 'none' });
});
afterAll(async () => {
  await studio.close();
  await remove();
});

async function ask<T>(path: string, body?: object): Promise<T> {
  const init = body && { method: 'POST', body: JSON.stringify(body) };
  const answer = await fetch(new URL(path, studio.url), init);
  expect(answer.status, await answer.clone().text()).toBe(200);
  return (await answer.json()) as T;
}

/** Waits until there is a model. */
async function learned(): Promise<void> {
  for (let step = 0; step === 0; await new Promise((later) => setTimeout(later, 20))) {
    ({ step } = await ask<{ step: number }>('api/training'));
  }
}

it('is labelled, accepted and exported, and stays a data set for every other tool', async () => {
  await ask('api/classes', { classes: CLASSES });
  const stroke = (image: string, label: number, y: number) =>
    ask(`api/images/${image}/strokes`, {
      class: label,
      radius: 3,
      points: [
        [4, y],
        [SIDE - 4, y],
      ],
    });
  await stroke('0000.png', 0, 8);
  await stroke('0000.png', 1, 40);
  await learned();
  await ask('api/images/0001.png/accept', {});
  await ask('api/images/0002.png/accept', {
    inside: [
      [0, 0],
      [30, 0],
      [30, 30],
    ],
  });
  // Held out.
  await stroke('0003.png', 1, 20);
  const { path } = await ask<{ path: string }>('api/export', { to: 'run' });
  await studio.close();

  expect((await readdir(root)).sort()).toEqual(['images', 'masks', 'pixelwise.json', 'runs']);
  const { ok, problems } = await examine({ root });
  expect([ok, problems.filter(({ level }) => level === 'error')]).toEqual([true, []]);
  const trained = await train({
    data: root,
    model: 'unet',
    width: 4,
    epochs: 1,
    threads: 1,
    out: join(root, 'runs', 'mine'),
  });
  expect(trained.run).toBe(join(root, 'runs', 'mine'));
  // Runs in the folder are no part of the data.
  expect((await examine({ root })).ok).toBe(true);
  expect(path).toBe(join(root, 'runs', 'studio-1'));
}, 60_000);

it.skipIf(!PILLOW)('has masks that Pillow reads as they were painted (skipped without Pillow)', async () => {
  const script =
    'import sys, json\nfrom PIL import Image\nfor path in sys.argv[1:]:\n image = Image.open(path)\n' +
    ' print(json.dumps([image.mode, image.size, list(image.getdata()), image.getpalette()[:6]]))';
  const masks = (await readdir(join(root, 'masks'))).sort();
  expect(masks).toEqual(['0000.png', '0001.png', '0002.png', '0003.png']);
  const files = masks.map((name) => join(root, 'masks', name));
  const { stdout } = await promisify(execFile)(PYTHON, ['-c', script, ...files], { maxBuffer: 2 ** 24 });
  const lines = stdout.trim().split('\n');
  for (const [i, file] of files.entries()) {
    const { data } = await decodeStoredMask(file);
    const colours = [0x20, 0x20, 0x40, 0xe6, 0x9f, 0];
    expect(JSON.parse(lines[i]!)).toEqual(['P', [SIDE, SIDE], [...data], colours]);
    expect(data.includes(255)).toBe(masks[i] !== '0001.png');
  }
});
