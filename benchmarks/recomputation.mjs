/**
 * Measures the memory that recomputation saves and the time it takes: the peak memory of a process that runs training
 * steps without an optimizer, and the processor time of a step, which depends least on the machine's load. Each level
 * runs in its own process.
 *
 *   npm run build
 *   node benchmarks/recomputation.mjs [MODEL=segnet] [BATCH=8] [SIZE=128] [OPTIONS={}]
 *
 * OPTIONS are options of the model as JSON: '{"width":32,"batchNorm":true}'.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createModel } from '../dist/models/index.js';
import { crossEntropy } from '../dist/nn/index.js';
import { SGD } from '../dist/optim/index.js';
import { Random } from '../dist/random/index.js';
import { createNodeRuntime } from '../dist/runtime/node.js';
import { Learner, median } from '../dist/training/index.js';

const STEPS = 4;
const CLASSES = 3;

async function measure([name = 'segnet', batch = '8', side = '128', options = '{}'], recompute) {
  const [size, pixels] = [Number(batch), Number(side) ** 2];
  const runtime = await createNodeRuntime();
  const learner = new Learner({
    model: createModel(name, { channels: 3, classes: CLASSES, ...JSON.parse(options) }),
    loss: crossEntropy(),
    optimizer: (parameters) => new SGD(parameters, { lr: 0.1 }),
    runtime,
    seed: 0,
    recompute,
  });
  const random = new Random(1, 'images');
  const images = Float32Array.from({ length: size * 3 * pixels }, () => random.normal());
  const masks = Uint8Array.from({ length: size * pixels }, () => random.integer(CLASSES));
  const ids = Array.from({ length: size }, (_, i) => String(i));
  const sample = { ids, size, channels: 3, height: Number(side), width: Number(side), images, masks };
  const seconds = [];
  for (let step = 0; step < STEPS; step++) {
    const before = process.cpuUsage();
    await learner.backward(sample);
    const { user, system } = process.cpuUsage(before);
    if (step > 0) seconds.push((user + system) / 1e6);
  }
  await learner.close();
  await runtime.close();
  return { processorSeconds: median(seconds), peakMiB: process.resourceUsage().maxRSS / 1024 };
}

const [level, ...words] = process.argv.slice(2);
if (level?.startsWith('--level=')) {
  const recompute = level.slice('--level='.length);
  console.log(JSON.stringify(await measure(words, recompute)));
} else {
  const given = process.argv.slice(2);
  for (const recompute of ['none', 'passes', 'convolutions']) {
    const call = [fileURLToPath(import.meta.url), `--level=${recompute}`, ...given];
    const { processorSeconds, peakMiB } = JSON.parse(
      execFileSync(process.execPath, call, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
    );
    console.log(
      `${recompute.padEnd(14)} ${peakMiB.toFixed(0)} MiB, ${processorSeconds.toFixed(2)} processor seconds`,
    );
  }
}
