/**
 * Compares Pixelwise with PyTorch: runs of the same steps, alternately and each in its own process, so that temporary
 * load on the machine affects both.
 *
 *   npm run build
 *   node benchmarks/against-torch.mjs [--model M] [--mode train|train-kept|predict|data] [--batch N] [--size N]
 *        [--threads N] [--rounds N] [--repeat N] [--data DIR] [--json] -- PEER…
 *
 * PEER is a command that measures the other program, for example `python3 peer.py`. It is called as
 *
 *   PEER… MODEL train|predict|data --batch N --size N --threads N --repeat N [--data DIR]
 *
 * (with `train` for `train-kept`) and prints a line of JSON with `seconds` (the median of its steps) and `peakMiB` (of
 * its process). Loading data is measured if `--data` names a folder of images and masks:
 * `-- python3 benchmarks/torchvision_data.py`.
 *
 * A round is one run of Pixelwise and one of the peer. Prints the medians over the rounds with minimum and maximum, and
 * the ratios peer ÷ Pixelwise within a round: above 1, Pixelwise is faster or uses less memory.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const OURS = fileURLToPath(new URL('../dist/bench/case-process.js', import.meta.url));

const separator = process.argv.indexOf('--');
if (separator < 0 || separator === process.argv.length - 1) {
  process.stderr.write('Name the peer after "--": node benchmarks/against-torch.mjs -- python3 peer.py\n');
  process.exit(2);
}
const peer = process.argv.slice(separator + 1);
const { values: options } = parseArgs({
  args: process.argv.slice(2, separator),
  options: {
    model: { type: 'string' },
    mode: { type: 'string' },
    batch: { type: 'string' },
    size: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '5' },
    repeat: { type: 'string', default: '5' },
    data: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

const { benchCases } = await import('../dist/bench/case.js');
const count = (text) => (text === undefined ? undefined : Number(text));
const cases = benchCases({
  model: options.model,
  mode: options.mode,
  batch: count(options.batch),
  size: count(options.size),
  threads: count(options.threads),
}).filter(({ mode }) => (mode === 'data') === (options.data !== undefined));

/** Runs a program and parses the last line that it prints. */
function lastLineOf(command, words) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (printed += text));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(printed.trim().split('\n').at(-1)));
      else reject(new Error(`${command} ${words.join(' ')} ended with ${code}`));
    });
  });
}

async function runOurs(which) {
  const settings = { device: 'cpu', repeats: Number(options.repeat), profile: false, data: options.data };
  const found = await lastLineOf(process.execPath, [
    OURS,
    JSON.stringify({ kind: 'case', case: which, settings }),
  ]);
  if (found.error) throw new Error(found.error.message);
  return found;
}

function runPeer({ model, mode, batch, size, threads }) {
  const numbers = Object.entries({ batch, size, threads, repeat: options.repeat });
  return lastLineOf(peer[0], [
    ...peer.slice(1),
    model,
    mode === 'train-kept' ? 'train' : mode,
    ...numbers.flatMap(([name, value]) => [`--${name}`, String(value)]),
    ...(options.data === undefined ? [] : ['--data', options.data]),
  ]);
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, least: sorted[0], most: sorted.at(-1) };
}

const inWords = ({ median, least, most }, digits) =>
  `${median.toFixed(digits)} (${least.toFixed(digits)} … ${most.toFixed(digits)})`;

const results = [];
for (const which of cases) {
  const rounds = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    const ours = await runOurs(which);
    rounds.push({ ours, peer: await runPeer(which) });
  }
  const over = (key) => ({
    ours: spread(rounds.map(({ ours }) => ours[key])),
    peer: spread(rounds.map(({ peer }) => peer[key])),
    ratio: spread(rounds.map(({ ours, peer }) => peer[key] / ours[key])),
  });
  const keys = ['seconds', 'peakMiB', 'processorSeconds'].filter((key) => key in rounds[0].ours);
  const result = {
    ...which,
    rounds: rounds.length,
    ...Object.fromEntries(keys.map((key) => [key, over(key)])),
  };
  results.push(result);
  const { model, mode, batch, size } = which;
  const print = options.json ? process.stderr : process.stdout;
  print.write(`${mode} ${model}, ${batch} images of ${size}×${size}, ${rounds.length} rounds\n`);
  for (const key of keys) {
    const digits = key === 'peakMiB' ? 0 : 3;
    const { ours, peer, ratio } = result[key];
    print.write(
      `  ${key.padEnd(16)} ours ${inWords(ours, digits)}   peer ${inWords(peer, digits)}   ratio ${inWords(ratio, 2)}\n`,
    );
  }
}
if (options.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
