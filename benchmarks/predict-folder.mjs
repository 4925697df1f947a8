/**
 * Compares `pixelwise predict --overlay` on a folder of photos with a peer that does the same, as alternating processes.
 *
 *   npm run build
 *   node benchmarks/predict-folder.mjs MODEL PHOTOS [--rounds 3] -- python3 benchmarks/torchvision_predict.py
 *
 * The peer is called as `PEER… PHOTOS OUT`. Prints the median, minimum and maximum of the seconds, and the
 * ratios peer ÷ Pixelwise within a round.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from '../dist/training/index.js';

const PROGRAM = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

const separator = process.argv.indexOf('--');
if (separator < 0 || separator === process.argv.length - 1) {
  process.stderr.write('Name the peer after "--".\n');
  process.exit(2);
}
const peer = process.argv.slice(separator + 1);
const { values, positionals } = parseArgs({
  args: process.argv.slice(2, separator),
  options: { rounds: { type: 'string', default: '3' } },
  allowPositionals: true,
});
const [model, photos] = positionals;

/** Runs a command with a new output folder and returns its seconds. It must write two files per photo. */
function time(commandFor) {
  const out = mkdtempSync(join(tmpdir(), 'pixelwise-folder-'));
  try {
    const [file, ...words] = commandFor(join(out, 'results'));
    const began = performance.now();
    const { status, stderr } = spawnSync(file, words, {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    const seconds = (performance.now() - began) / 1000;
    if (status !== 0) throw new Error(`${file} ended with ${status}:\n${stderr}`);
    const pictures = readdirSync(join(out, 'results'), { recursive: true }).filter((f) =>
      /\.(png|jpg)$/.test(f),
    );
    if (pictures.length !== 2 * readdirSync(photos).length) {
      throw new Error(`${file} wrote ${pictures.length} pictures for ${readdirSync(photos).length} photos`);
    }
    return seconds;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const summary = (list) =>
  `${median(list).toFixed(2)} (${Math.min(...list).toFixed(2)} … ${Math.max(...list).toFixed(2)})`;

const [ours, peers] = [[], []];
for (let round = 0; round < Number(values.rounds); round++) {
  ours.push(time((out) => [process.execPath, PROGRAM, 'predict', model, photos, '--overlay', '--out', out]));
  peers.push(time((out) => [...peer, photos, out]));
}
console.log(`${readdirSync(photos).length} photos, ${values.rounds} rounds`);
console.log(`  seconds   ours ${summary(ours)}   peer ${summary(peers)}`);
console.log(`  ratio     ${summary(ours.map((seconds, i) => peers[i] / seconds))}`);
