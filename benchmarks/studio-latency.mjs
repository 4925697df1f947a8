/**
 * How soon the studio answers a stroke: from the first stroke of the second class to the first prediction, and from
 * each further stroke to a prediction that has learned from it. Images of 640×480 pixels, labels and predictions through
 * the endpoints, as the page asks for them. Strokes are inside true regions, on eight images in turn; one of them is
 * held out, so that the network may take over.
 *
 *   npm run build && node benchmarks/studio-latency.mjs [SECONDS] [WEIGHTS]
 *
 * WEIGHTS is a file of MobileNetV2, or `none` (the default). READ=N: seconds before the first stroke (default 8), in which
 * a person names classes and looks at the image.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { writeCells } from '../dist/data/demo-folder.js';
import { decodeMask } from '../dist/images/decode-mask.js';

const PROGRAM = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const seconds = Number(process.argv[2] ?? 60);
const weights = process.argv[3] ?? 'none';
const reading = Number(process.env.READ ?? 8);
const [WIDTH, HEIGHT] = [640, 480];
const CLASSES = ['background', 'smooth cell', 'spiky cell'];
/** Milliseconds from a prediction to the next stroke. */
const PAUSE = 700;
/** Milliseconds between two questions for the status, whose answer's time is measured. */
const ASK = 100;

const folder = await mkdtemp(join(tmpdir(), 'pixelwise-latency-'));
await writeCells(folder, { seed: 5, count: 8, width: WIDTH, height: HEIGHT });
const names = Array.from({ length: 8 }, (_, i) => `000${i}.png`);
const truths = await Promise.all(
  names.map(async (name) => (await decodeMask(await readFile(join(folder, 'masks', name)))).data),
);
await rm(join(folder, 'masks'), { recursive: true });
await rm(join(folder, 'classes.txt'));

const child = spawn(
  process.execPath,
  [PROGRAM, 'studio', folder, '--port', '0', '--json', '--encoder-weights', weights],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let text = '';
for await (const part of child.stdout) {
  text += part;
  if (text.trimEnd().endsWith('}')) break;
}
const { url } = JSON.parse(text);
const ask = async (path, body) => {
  const answer = await fetch(new URL(path, url), body && { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
};

/** What waits for the next event of a new prediction. */
let onPrediction = () => undefined;
void (async () => {
  const { body } = await ask('api/events');
  let held = '';
  for await (const part of body) {
    held += new TextDecoder().decode(part);
    for (let end = held.indexOf('\n\n'); end >= 0; end = held.indexOf('\n\n')) {
      const event = held.slice(0, end);
      held = held.slice(end + 2);
      if (event.startsWith('event: prediction')) onPrediction(JSON.parse(event.split('data: ')[1]));
    }
  }
})().catch(() => undefined);

const waits = [];
void (async () => {
  while (!child.killed) {
    const from = performance.now();
    await ask('api/training').catch(() => undefined);
    waits.push(performance.now() - from);
    await wait(ASK);
  }
})();

await ask('api/classes', { classes: CLASSES.map((name) => ({ name })) });
await ask(`api/images/${names[0]}`);
await ask(`api/images/${names[0]}/labels`);
await wait(reading * 1000);

let state = 7;
const random = (most) => {
  state = (state * 48271) % 2147483647;
  return state % most;
};
/** A short stroke inside a true region of a class. */
function strokeOf(image, label) {
  const truth = truths[image];
  const inside = (x, y) => x >= 0 && y >= 0 && x < WIDTH && y < HEIGHT && truth[y * WIDTH + x] === label;
  for (;;) {
    const [x, y] = [random(WIDTH), random(HEIGHT)];
    const points = [[x, y]];
    for (let i = 1; i <= 5 && inside(x + 3 * i, y); i++) points.push([x + 3 * i, y]);
    if (points.length > 3 && points.every(([u, v]) => inside(u, v - 3) && inside(u, v + 3)))
      return { class: label, radius: 3, points };
  }
}

/** Milliseconds from a stroke to a prediction of its image that has learned from it, on the client's side. */
async function answered(image, label) {
  const began = performance.now();
  const before = (await (await ask('api/training')).json()).step;
  await ask(`api/images/${names[image]}/strokes`, strokeOf(image, label));
  await new Promise((resolve) => (onPrediction = ({ step }) => step > before && resolve()));
  await (await ask(`api/images/${names[image]}/prediction?as=raw`)).arrayBuffer();
  return performance.now() - began;
}

await ask(`api/images/${names[0]}/strokes`, strokeOf(0, 0));
await wait(Number(process.env.BETWEEN ?? 1) * 1000);
console.log(
  `first prediction ${((await answered(0, 1)) / 1000).toFixed(2)} s after the second class's stroke`,
);

const times = { pixels: [], network: [] };
const stop = performance.now() + seconds * 1000;
for (let n = 0; performance.now() < stop; n++) {
  await wait(PAUSE);
  const { learner } = await (await ask('api/training')).json();
  times[learner].push(await answered(Math.floor(n / 3) % names.length, n % 3));
}
for (const [learner, list] of Object.entries(times)) {
  if (list.length === 0) continue;
  list.sort((a, b) => a - b);
  const at = (share) => (list[Math.floor(share * (list.length - 1))] / 1000).toFixed(2);
  console.log(
    `${learner}: ${list.length} strokes, answered after ${at(0.5)} s (median), ${at(0.95)} s (95 %), ${at(1)} s at most`,
  );
}
const { step, scoresByLearner } = await (await ask('api/training')).json();
const dice = Object.entries(scoresByLearner).map(([name, { meanDice }]) => `${name} ${meanDice.toFixed(3)}`);
waits.sort((a, b) => a - b);
console.log(
  `step ${step}, Dice of ${dice.join(', ')}; the server answered within ${waits[Math.floor(0.99 * waits.length)].toFixed(0)} ms (99 %), ` +
    `${waits.at(-1).toFixed(0)} ms at most`,
);
child.kill('SIGINT');
await new Promise((resolve) => child.once('exit', resolve));
await rm(folder, { recursive: true });
