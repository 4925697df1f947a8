/**
 * Measures what loading adds to an epoch: training steps on images that are decoded and augmented as in `train`,
 * alternating with the same number of steps on a batch in memory, with one learner in one process.
 *
 *   npm run build
 *   node benchmarks/epoch.mjs DATA [NAME=VALUE …] [--steps N] [--rounds N]
 *
 * DATA is a data set; NAME=VALUE are options of `train` (model=unet batch=8 size=128 augment=light …). Nothing is
 * cached, as in the first epoch of a run. Prints the seconds per step of both kinds in each round, and the median of
 * the ratios.
 */
import { parseArgs } from 'node:util';
import { loadersOf } from '../dist/jobs/assemble.js';
import { median } from '../dist/training/index.js';
import { learnerFor, optionsFrom } from './training-setup.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { steps: { type: 'string', default: '8' }, rounds: { type: 'string', default: '3' } },
});
const [data, ...words] = positionals;
if (data === undefined) {
  process.stderr.write('usage: node benchmarks/epoch.mjs DATA [NAME=VALUE …] [--steps N] [--rounds N]\n');
  process.exit(2);
}
const steps = Number(values.steps);
const { plan, runtime, learner } = await learnerFor({ data, ...optionsFrom(words) });

async function step(batch) {
  await learner.backward(batch);
  await learner.step();
}

const ratios = [];
for (let round = 0; round < Number(values.rounds); round++) {
  // Each round has a new loader, so that no image is cached.
  const { train } = await loadersOf({ ...plan, seed: plan.seed + round });
  const batches = train.epoch(0)[Symbol.asyncIterator]();
  const next = async () => {
    const { done, value } = await batches.next();
    if (done) throw new Error(`the data set has fewer than ${steps + 1} batches: ask for fewer --steps`);
    return value;
  };
  // Not timed: the first batch waits for the threads to start, and the first step allocates memory.
  const held = await next();
  await step(held);
  const started = performance.now();
  for (let i = 0; i < steps; i++) await step(await next());
  const loaded = (performance.now() - started) / 1000 / steps;
  await batches.return?.();
  const again = performance.now();
  for (let i = 0; i < steps; i++) await step(held);
  const bare = (performance.now() - again) / 1000 / steps;
  ratios.push(loaded / bare);
  process.stdout.write(
    `round ${round + 1}: ${loaded.toFixed(3)} s a step from files, ${bare.toFixed(3)} s from memory, ratio ${(loaded / bare).toFixed(3)}\n`,
  );
}
process.stdout.write(`${plan.model.name}: median ratio ${median(ratios).toFixed(3)}\n`);
await learner.close();
await runtime.close();
