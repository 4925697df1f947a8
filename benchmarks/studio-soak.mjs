/**
 * A long session in the studio at ten times a person's speed: ten strokes a second while the model trains, predictions
 * as the page asks for them, undone labels, accepted regions, images in turn. Prints the resident memory of the process
 * every minute, and how much it grew after the first quarter of the time.
 *
 *   npm run build && node benchmarks/studio-soak.mjs [MINUTES]
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { writeCells } from '../dist/data/demo-folder.js';

const PROGRAM = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const minutes = Number(process.argv[2] ?? 24);
const SIDE = 256;
/** Milliseconds from stroke to stroke, and strokes on an image before the next one is opened. */
const STROKE = 100;
const STROKES = 40;

const folder = await mkdtemp(join(tmpdir(), 'pixelwise-soak-'));
await writeCells(folder, { seed: 3, count: 24, width: SIDE, height: SIDE });
await rm(join(folder, 'masks'), { recursive: true });
await rm(join(folder, 'classes.txt'));
const child = spawn(process.execPath, [PROGRAM, 'studio', folder, '--port', '0', '--json'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let text = '';
for await (const part of child.stdout) {
  text += part;
  if (text.trimEnd().endsWith('}')) break;
}
const { url } = JSON.parse(text);
const ask = (path, body) =>
  fetch(new URL(path, url), body && { method: 'POST', body: JSON.stringify(body) }).then(async (answer) => {
    if (!answer.ok && answer.status !== 409)
      throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  });

await ask('api/classes', { classes: ['background', 'cell', 'nucleus'].map((name) => ({ name })) });
const { images } = await (await ask('api/project')).json();

/** As a page that is open: it asks for the prediction whenever there is a new one. */
let current = images[0].id;
let fresh = false;
let predicting = false;
void (async () => {
  const { body } = await ask('api/events');
  for await (const part of body)
    if (new TextDecoder().decode(part).includes('event: prediction')) fresh = true;
})().catch(() => undefined);

let state = 1;
const random = (most) => {
  state = (state * 48271) % 2147483647;
  return state % most;
};
const resident = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024;

const began = performance.now();
const samples = [];
let [strokes, printed, sampled, slowest] = [0, 0, 0, 0];
for (let next = began; performance.now() - began < minutes * 60_000; next += STROKE) {
  await wait(Math.max(0, next - performance.now()));
  if (strokes % STROKES === 0) {
    if (strokes > 0)
      await ask(`api/images/${current}/accept`, {
        inside: [
          [0, 0],
          [60, 0],
          [60, 60],
          [0, 60],
        ],
      });
    current = images[(strokes / STROKES) % images.length].id;
    for (const path of ['', '/labels', '/prediction'])
      await (await ask(`api/images/${current}${path}`)).arrayBuffer();
  }
  const [x, y] = [random(SIDE), random(SIDE)];
  const points = [
    [x, y],
    [x + random(30) - 15, y + random(30) - 15],
  ];
  // Every eighth stroke erases, so that images do not fill up.
  const asked = performance.now();
  await ask(`api/images/${current}/strokes`, {
    class: strokes % 8 === 7 ? 255 : random(3),
    radius: random(6),
    points,
  });
  slowest = Math.max(slowest, performance.now() - asked);
  strokes++;
  if (fresh && !predicting) {
    fresh = false;
    predicting = true;
    void ask(`api/images/${current}/prediction`)
      .then((answer) => answer.arrayBuffer())
      // The last one may be cut off by the end of the program.
      .catch((error) => child.killed || console.error(error))
      .finally(() => (predicting = false));
  }
  const seconds = (performance.now() - began) / 1000;
  if (seconds - sampled >= 5) {
    sampled = seconds;
    samples.push(resident());
  }
  if (seconds - printed >= 60) {
    printed = seconds;
    const { step, learner } = await (await ask('api/training')).json();
    console.log(
      `${Math.round(seconds / 60)} min  ${Math.round(resident())} MiB  ${strokes} strokes, step ${step} (${learner}), ` +
        `slowest stroke ${Math.round(slowest)} ms`,
    );
    slowest = 0;
  }
}
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const quarter = Math.floor(samples.length / 4);
const [early, late] = [mean(samples.slice(quarter, 2 * quarter)), mean(samples.slice(-quarter))];
console.log(
  `means of the second and the last quarter: ${Math.round(early)} and ${Math.round(late)} MiB, ` +
    `${((late / early - 1) * 100).toFixed(1)} % more`,
);
child.kill('SIGINT');
await new Promise((resolve) => child.once('exit', resolve));
await rm(folder, { recursive: true });
