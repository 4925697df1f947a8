/**
 * Compares the settings that `train` chooses with settings chosen by hand, in the same training time.
 *
 *   npm run build
 *   node benchmarks/choosing.mjs DATA [--minutes N] [--weights FILE|NAME] [--test FRACTION|SPLIT]
 *        [--only N,N,…] [--runs DIR] [--log FILE.jsonl] [-- flags for every run]
 *
 * Each setting is one run of the built program: first the default, then the grid below. All are scored on the same
 * part, by which nothing was chosen: the official test part, or `--test` (0.2 if the format has none). With `--weights`
 * (pretrained weights of MobileNetV2), the default run uses them, and the grid has two more settings with them. Prints
 * the scores at source size and their distances from the best.
 */
import { spawn } from 'node:child_process';
import { appendFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openDataset } from '../dist/data/index.js';

const PROGRAM = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** Model, width, longest side, batch, learning rate, augmentation: settings that an experienced user might try. */
const GRID = [
  { model: 'unet', width: 16, side: 128, batch: 8, lr: 3e-3, augment: 'flip' },
  { model: 'unet', width: 16, side: 256, batch: 8, lr: 3e-3, augment: 'light' },
  { model: 'unet', width: 16, side: 384, batch: 4, lr: 3e-3, augment: 'flip' },
  { model: 'unet', width: 32, side: 128, batch: 8, lr: 3e-3, augment: 'flip,vertical-flip' },
  { model: 'unet', width: 32, side: 192, batch: 8, lr: 1e-3, augment: 'light' },
  { model: 'unet', width: 32, side: 256, batch: 8, lr: 1e-3, augment: 'light' },
  { model: 'unet', width: 24, side: 256, batch: 4, lr: 1e-2, augment: 'flip,vertical-flip,rotate:15' },
  { model: 'unet', width: 8, side: 512, batch: 8, lr: 1e-2, augment: 'flip' },
];
const GRID_WITH_WEIGHTS = [
  { model: 'mobilenet-unet', side: 224, batch: 16, lr: 1e-2, augment: 'flip' },
  { model: 'mobilenet-unet', side: 384, batch: 8, lr: 3e-3, augment: 'light' },
];

const separator = process.argv.indexOf('--');
const end = separator < 0 ? process.argv.length : separator;
const { values, positionals } = parseArgs({
  args: process.argv.slice(2, end),
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '15' },
    weights: { type: 'string' },
    test: { type: 'string' },
    only: { type: 'string' },
    runs: { type: 'string' },
    log: { type: 'string' },
  },
});
const [data] = positionals;
if (data === undefined) {
  process.stderr.write('usage: node benchmarks/choosing.mjs DATA [--minutes N] [--weights FILE]\n');
  process.exit(2);
}
const dataset = await openDataset({ root: data });
const { image } = await dataset.get(0);
const hasTest = dataset.splits?.includes('test') ?? false;
const test = values.test ?? (hasTest ? undefined : '0.2');
const runs = values.runs ?? (await mkdtemp(join(tmpdir(), 'pixelwise-choosing-')));
const shared = [
  ...['--data', data, '--minutes', values.minutes],
  ...(test === undefined ? [] : ['--test', test]),
  ...process.argv.slice(end + 1),
];
const weights = values.weights === undefined ? [] : ['--encoder-weights', values.weights];

/** The flags of a setting. Images keep their aspect ratio and are not enlarged. */
function flagsOf({ model, width, side, batch, lr, augment }) {
  const scale = Math.min(1, side / Math.max(image.height, image.width));
  const round = (length) => Math.max(32, Math.round((length * scale) / 32) * 32);
  return [
    ...['--model', model],
    ...(model === 'unet' ? ['--width', String(width), '--batch-norm'] : weights),
    ...['--size', `${round(image.height)}x${round(image.width)}`],
    ...['--batch', String(batch), '--lr', String(lr), '--augment', augment],
  ];
}

const settings = [
  { name: 'default', flags: weights },
  ...[...GRID, ...(weights.length > 0 ? GRID_WITH_WEIGHTS : [])].map((setting) => ({
    name: Object.values(setting).join(' '),
    flags: flagsOf(setting),
  })),
];
const only = values.only?.split(',').map(Number);

const results = [];
for (const [i, { name, flags }] of settings.entries()) {
  if (only && !only.includes(i)) continue;
  const started = performance.now();
  const { test: scores, epochs } = await trainWith([...shared, ...flags, '--out', join(runs, String(i))]);
  const result = {
    name,
    epochs,
    seconds: Math.round((performance.now() - started) / 1000),
    meanDice: scores.meanDice,
    meanIoU: scores.meanIoU,
  };
  results.push(result);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  if (values.log) await appendFile(values.log, `${JSON.stringify({ data, flags, ...result })}\n`);
}

/** Runs `train --json`. */
function trainWith(words) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, 'train', ...words, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (printed += text));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(printed));
      else reject(new Error(`train ended with code ${code}: ${words.join(' ')}`));
    });
  });
}

const best = Math.max(...results.map(({ meanDice }) => meanDice));
process.stdout.write('\n| setting | epochs | seconds | mean IoU | mean Dice | below the best |\n');
process.stdout.write('| --- | --- | --- | --- | --- | --- |\n');
for (const { name, epochs, seconds, meanIoU, meanDice } of results) {
  const below = (100 * (best - meanDice)).toFixed(1);
  process.stdout.write(
    `| ${name} | ${epochs} | ${seconds} | ${meanIoU.toFixed(4)} | ${meanDice.toFixed(4)} | ${below} |\n`,
  );
}
