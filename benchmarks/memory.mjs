/**
 * Checks that memory stays constant over many steps: trains the U-Net of 31 million weights at 64×64 for 200 steps, in
 * epochs that end with a short batch and validation, and reads the resident set size of the process after every step.
 *
 *   npm run build
 *   node benchmarks/memory.mjs [--steps N] [--batch N] [--size N] [--threads N] [--json]
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { createModel } from '../dist/models/index.js';
import { binaryCrossEntropy } from '../dist/nn/index.js';
import { Adam } from '../dist/optim/index.js';
import { Random } from '../dist/random/index.js';
import { createNodeRuntime } from '../dist/runtime/node.js';
import { Learner } from '../dist/training/index.js';

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '200' },
    batch: { type: 'string', default: '8' },
    size: { type: 'string', default: '64' },
    threads: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'boolean', default: false },
  },
});
const [steps, batch, size, threads] = ['steps', 'batch', 'size', 'threads'].map((key) =>
  Number(options[key]),
);

/** Full batches per epoch, before the short one. */
const WHOLE_BATCHES = 9;
const SHORT_BATCH = Math.max(1, Math.floor(batch / 3));
/** Batches of the validation part; the last one is short, too. */
const VALIDATION = [batch, batch, Math.max(1, batch - 1)];

function drawBatch(count, random) {
  const pixels = count * size * size;
  return {
    ids: Array.from({ length: count }, (_, i) => String(i)),
    size: count,
    channels: 3,
    height: size,
    width: size,
    images: Float32Array.from({ length: 3 * pixels }, () => random.float()),
    masks: Uint8Array.from({ length: pixels }, () => random.integer(2)),
  };
}

const runtime = await createNodeRuntime({ threads });
const learner = new Learner({
  model: createModel('unet'),
  loss: binaryCrossEntropy(),
  optimizer: (parameters) => new Adam(parameters, { lr: 1e-4 }),
  runtime,
  seed: 0,
});
const mebibytes = () => process.memoryUsage().rss / 2 ** 20;
const resident = [];
const random = new Random(0, 'memory');
while (resident.length < steps) {
  const epoch = [...new Array(WHOLE_BATCHES).fill(batch), SHORT_BATCH];
  for (const count of epoch) {
    await learner.backward(drawBatch(count, random));
    await learner.step();
    resident.push(mebibytes());
    if (resident.length === steps) break;
  }
  for (const count of VALIDATION) await learner.evaluate(drawBatch(count, random));
}
await learner.close();
await runtime.close();

const marks = [1, 2, 3, 4].map((quarter) => Math.round((quarter * steps) / 4));
const at = marks.map((step) => ({ step, mebibytes: resident[step - 1] }));
const ratio = at.at(-1).mebibytes / at[0].mebibytes;
const peak = process.resourceUsage().maxRSS / 1024;
if (options.json) {
  process.stdout.write(`${JSON.stringify({ at, ratio, peakMiB: peak, resident }, null, 2)}\n`);
} else {
  for (const { step, mebibytes: rss } of at) {
    process.stdout.write(`step ${String(step).padStart(4)}  ${rss.toFixed(0)} MiB\n`);
  }
  process.stdout.write(
    `step ${steps} ÷ step ${at[0].step}: ${ratio.toFixed(3)}; largest ${peak.toFixed(0)} MiB\n`,
  );
}
