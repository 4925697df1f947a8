/**
 * How good the model of the studio becomes over an annotator's time. A program that labels through the endpoints, as a
 * person would, works on a few images; every so often the predictions of other images, which it never labels, are
 * compared with their masks.
 *
 *   npm run build && node benchmarks/studio-annotator.mjs TRAIN TEST --annotator FILE [--images 24] [--tests 24] \
 *     [--budget 200] [--compute 600] [--every 60] [--classes a,b] [--seed 1] [--threads N] [--weights FILE] \
 *     [--out curve.json]
 *
 * TRAIN and TEST hold `images` and `masks` of class indices, 255 ignored. FILE is called with `--url`, `--truth` (a
 * folder of masks), `--budget` (the annotator's seconds), `--compute` (seconds in all), `--seed`, `--classes` and `--log`:
 * a file to which it appends lines of JSON with `seconds` and `simulated`.
 *
 * Compare with `pixelwise train --minutes M --data DENSE`, on the same images with all of their masks: `--dense DENSE`
 * writes that folder.
 */
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, parse } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { decodeMask } from '../dist/images/decode-mask.js';
import { ConfusionMatrix, meanDice } from '../dist/metrics/index.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    annotator: { type: 'string' },
    images: { type: 'string', default: '24' },
    tests: { type: 'string', default: '24' },
    budget: { type: 'string', default: '200' },
    compute: { type: 'string', default: '600' },
    every: { type: 'string', default: '60' },
    classes: { type: 'string' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string' },
    weights: { type: 'string' },
    dense: { type: 'string' },
    out: { type: 'string' },
  },
});
const [train, test] = positionals;
const PROGRAM = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** Evenly spaced ones of a folder's images, so that they come from all of its scenes. */
async function some(folder, count) {
  const names = (await readdir(join(folder, 'images'))).sort();
  const step = Math.max(1, names.length / count);
  return Array.from({ length: Math.min(count, names.length) }, (_, i) => names[Math.floor(i * step)]);
}
const maskOf = (folder, name) => join(folder, 'masks', `${parse(name).name}.png`);

const base = await mkdtemp(join(tmpdir(), 'pixelwise-annotator-'));
const [project, truth] = [join(base, 'project'), join(base, 'truth')];
await mkdir(project);
await mkdir(truth);
for (const name of await some(train, Number(values.images))) {
  await copyFile(join(train, 'images', name), join(project, name));
  await copyFile(maskOf(train, name), join(truth, `${parse(name).name}.png`));
  if (values.dense === undefined) continue;
  for (const part of ['images', 'masks']) await mkdir(join(values.dense, part), { recursive: true });
  await copyFile(join(train, 'images', name), join(values.dense, 'images', name));
  await copyFile(maskOf(train, name), join(values.dense, 'masks', `${parse(name).name}.png`));
}
/** After all others, so that they do not change which images are held out. */
const tests = new Map();
for (const name of await some(test, Number(values.tests))) {
  await copyFile(join(test, 'images', name), join(project, `zz-test-${name}`));
  tests.set(`zz-test-${name}`, await decodeMask(maskOf(test, name)));
}

const words = ['studio', project, '--port', '0', '--json'];
if (values.threads !== undefined) words.push('--threads', values.threads);
if (values.weights !== undefined) words.push('--encoder-weights', values.weights);
const studio = spawn(process.execPath, [PROGRAM, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
let text = '';
for await (const part of studio.stdout) {
  text += part;
  if (text.trimEnd().endsWith('}')) break;
}
const url = JSON.parse(text).url.replace(/\/$/, '');

const log = join(base, 'log.jsonl');
const flags = { url, truth, budget: values.budget, compute: values.compute, seed: values.seed, log };
if (values.classes !== undefined) flags.classes = values.classes;
const annotator = spawn(
  process.execPath,
  [values.annotator, ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let report = '';
annotator.stdout.on('data', (part) => (report += part));
let ended = false;
const done = new Promise((resolve) => annotator.on('exit', resolve)).then((code) => {
  ended = true;
  if (code !== 0) throw new Error(`the annotator ended with code ${code}`);
});

/** Mean Dice of the predictions now; undefined before there is a model. */
async function score() {
  let matrix;
  const { classes } = await (await fetch(`${url}/api/project`)).json();
  for (const [id, mask] of tests) {
    const answer = await fetch(`${url}/api/images/${encodeURIComponent(id)}/prediction?as=raw`);
    if (answer.status === 409) return undefined;
    if (!answer.ok) throw new Error(await answer.text());
    matrix ??= new ConfusionMatrix(classes.length);
    matrix.add(new Uint8Array(await answer.arrayBuffer()), mask.data);
  }
  return meanDice(matrix);
}

const began = performance.now();
const curve = [];
async function look() {
  const dice = await score();
  const lines = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n');
  const simulated = lines[0] === '' ? 0 : JSON.parse(lines.at(-1)).simulated;
  const { learner, step } = await (await fetch(`${url}/api/training`)).json();
  const row = { seconds: Math.round((performance.now() - began) / 1000), simulated, dice, learner, step };
  if (dice === undefined) return;
  curve.push(row);
  console.log(JSON.stringify(row));
}
while (!ended) {
  await Promise.race([wait(Number(values.every) * 1000), done]);
  if (!ended) await look();
}
await done;
await look();
console.log(report.trim());
if (values.out !== undefined) await writeFile(values.out, JSON.stringify({ flags: values, curve }, null, 1));
studio.kill('SIGINT');
await new Promise((resolve) => studio.once('exit', resolve));
await rm(base, { recursive: true });
