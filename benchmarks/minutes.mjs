/**
 * What `train` reaches without flags beside a PyTorch script, both in the same minutes on the same machine.
 *
 *   npm run build
 *   node benchmarks/minutes.mjs --peer SCRIPT.py --weights FILE SET… [--minutes 5] [--peer-minutes 5] [--seeds 0,1]
 *        [--python python3] [--log FILE.jsonl]
 *
 * A set is a folder with `train/` and `test/`, each with `images/` and `masks/` of class indices (255 ignored). The
 * script is called as `SCRIPT.py SET/train SET/test --minutes N --frozen --weights FILE` and prints JSON with
 * `meanIoU` and `steps`. Runs take turns: the script, then one run of ours for each seed. All are scored at source
 * size on `test/`, which nothing was chosen on.
 */
import { spawn } from 'node:child_process';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const PROGRAM = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

const { values, positionals: sets } = parseArgs({
  allowPositionals: true,
  options: {
    peer: { type: 'string' },
    weights: { type: 'string' },
    minutes: { type: 'string', default: '5' },
    'peer-minutes': { type: 'string' },
    seeds: { type: 'string', default: '0,1' },
    python: { type: 'string', default: 'python3' },
    log: { type: 'string' },
  },
});
if (sets.length === 0 || values.weights === undefined) {
  process.stderr.write('usage: node benchmarks/minutes.mjs --peer SCRIPT.py --weights FILE SET…\n');
  process.exit(2);
}
const { minutes, weights, peer, python } = values;

/** Runs a program to its end, and reads what it prints as JSON. */
function run(command, words) {
  const started = performance.now();
  return new Promise((done, fail) => {
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (printed += text));
    child.on('error', fail);
    child.on('close', (code) => {
      const seconds = Math.round((performance.now() - started) / 1000);
      if (code === 0) done({ seconds, ...JSON.parse(printed) });
      else fail(new Error(`${command} ended with code ${code}: ${words.join(' ')}`));
    });
  });
}

async function note(result) {
  process.stderr.write(`${JSON.stringify(result)}\n`);
  if (values.log) await appendFile(values.log, `${JSON.stringify(result)}\n`);
}

const rows = [];
for (const set of sets) {
  const [train, test] = ['train', 'test'].map((part) => resolve(set, part));
  const name = basename(resolve(set));
  const row = { name, ours: [] };
  if (peer) {
    const time = values['peer-minutes'] ?? minutes;
    const words = [peer, train, test, '--minutes', time, '--frozen', '--weights', weights];
    row.peer = await run(python, words);
    await note({ set: name, program: 'peer', ...row.peer });
  }
  for (const seed of values.seeds.split(',')) {
    const out = await mkdtemp(join(tmpdir(), 'pixelwise-minutes-'));
    const words = ['train', '--data', train, '--test', test, '--minutes', minutes, '--seed', seed];
    const result = await run(process.execPath, [
      ...[PROGRAM, ...words, '--encoder-weights', weights],
      ...['--out', join(out, 'run'), '--json'],
    ]);
    const { seconds, epochs, test: scores } = result;
    row.ours.push(scores.meanIoU);
    await note({ set: name, program: 'ours', seed, seconds, epochs, meanIoU: scores.meanIoU });
    await rm(out, { recursive: true });
  }
  rows.push(row);
}

process.stdout.write(
  '| set | mean IoU of train | mean IoU of the script | difference |\n| --- | --- | --- | --- |\n',
);
for (const { name, ours, peer: theirs } of rows) {
  const mean = ours.reduce((sum, each) => sum + each, 0) / ours.length;
  const cells = theirs ? [theirs.meanIoU.toFixed(3), (mean - theirs.meanIoU).toFixed(3)] : ['', ''];
  process.stdout.write(
    `| ${name} | ${ours.map((each) => each.toFixed(3)).join(', ')} | ${cells.join(' | ')} |\n`,
  );
}
