/**
 * Measures how the time of a training step grows with the batch and with the image size, each case in its own process.
 *
 *   npm run build
 *   node benchmarks/scaling.mjs [--model M] [--mode train|predict] [--batches 1,2,4] [--at N]
 *        [--sizes 64,128,256] [--with N] [--threads N] [--rounds N] [--json]
 *
 * `--batches` are measured at size `--at`, `--sizes` with batch `--with`. Prints the seconds per step, and
 * the seconds per 128×128 pixels relative to the row above: 1.00 means that time is proportional to the work.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchCases } from '../dist/bench/case.js';
import { median } from '../dist/training/index.js';

const OURS = fileURLToPath(new URL('../dist/bench/case-process.js', import.meta.url));

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'unet' },
    mode: { type: 'string', default: 'train' },
    batches: { type: 'string', default: '1,2,4,8,16,32' },
    at: { type: 'string', default: '64' },
    sizes: { type: 'string', default: '64,128,256,512' },
    with: { type: 'string', default: '1' },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const numbers = (list) => list.split(',').map(Number);

function secondsOf(which) {
  const settings = { device: 'cpu', repeats: 3, profile: false };
  return new Promise((resolve, reject) => {
    const words = [OURS, JSON.stringify({ kind: 'case', case: which, settings })];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (printed += text));
    child.on('error', reject);
    child.on('close', (code) => {
      const found = code === 0 ? JSON.parse(printed.trim().split('\n').at(-1)) : {};
      if (found.seconds === undefined) reject(new Error(found.error?.message ?? `ended with ${code}`));
      else resolve(found.seconds);
    });
  });
}

const results = [];
async function row(name, points) {
  // Rounds are the outer loop, so that temporary load affects every case.
  const times = points.map(() => []);
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [i, { batch, size }] of points.entries()) {
      const [which] = benchCases({
        model: options.model,
        mode: options.mode,
        batch,
        size,
        threads: Number(options.threads),
      });
      times[i].push(await secondsOf(which));
    }
  }
  const units = points.map(({ batch, size }) => (batch * size * size) / 128 ** 2);
  const rates = times.map((of, i) => median(of) / units[i]);
  const print = options.json ? process.stderr : process.stdout;
  print.write(`${options.mode} ${options.model}: ${name}\n`);
  for (const [i, { batch, size }] of points.entries()) {
    const step = i === 0 ? '' : `, ${(rates[i] / rates[i - 1]).toFixed(2)} of the row above`;
    print.write(
      `  ${batch} × ${size}²  ${median(times[i]).toFixed(3)} s, ${rates[i].toFixed(4)} s for 128²${step}\n`,
    );
    results.push({ row: name, batch, size, seconds: median(times[i]), secondsPer128: rates[i] });
  }
}

const at = Number(options.at);
await row(
  'the batch doubled',
  numbers(options.batches).map((batch) => ({ batch, size: at })),
);
const batch = Number(options.with);
await row(
  'the area grown',
  numbers(options.sizes).map((size) => ({ batch, size })),
);
if (options.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
