/**
 * Compares the suggestions of the learning-rate finder with a grid search.
 *
 *   npm run build
 *   node benchmarks/lr-finder.mjs DATA [NAME=VALUE …] [--repeats N] [--log FILE.jsonl]
 *
 * DATA is a data set; NAME=VALUE are options of `train` (model=unet width=8 size=64 epochs=4 …). From the
 * same initial weights, one run is trained with each of seven rates from 1e-4 to 1e-1, a factor 3.2 apart, and the range
 * test is run `--repeats` times on other shuffles. Prints the last validation loss and mean Dice of each rate, and the
 * suggestions from each curve. With --log, appends all of it and the curves to a file as a line of JSON.
 */
import { appendFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { loadersOf } from '../dist/jobs/assemble.js';
import { scheduleOf } from '../dist/jobs/learning-settings.js';
import { findLr, fit, scheduleCallback } from '../dist/training/index.js';
import { learnerFor, optionsFrom } from './training-setup.mjs';

const RATES = Array.from({ length: 7 }, (_, i) => 10 ** (-4 + i / 2));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { repeats: { type: 'string', default: '1' }, log: { type: 'string' } },
});
const [data, ...words] = positionals;
if (data === undefined) {
  process.stderr.write('usage: node benchmarks/lr-finder.mjs DATA [NAME=VALUE …]\n');
  process.exit(2);
}
const options = optionsFrom(words);
const { plan, runtime, learner } = await learnerFor({ data, ...options });
const loaders = await loadersOf(plan);
const classNames = plan.classes;
const start = await learner.capture();
const stepsPerEpoch = loaders.train.length;
const total = plan.epochs * stepsPerEpoch;
const length = { totalSteps: total, epochs: plan.epochs, stepsPerEpoch };

const finders = [];
for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
  const { train } = repeat === 0 ? loaders : await loadersOf({ ...plan, seed: plan.seed + repeat });
  const { points, suggestions, suggestion } = await findLr({ learner, train, classNames });
  finders.push({ points, suggestions, suggestion });
  process.stdout.write(`finder: ${suggestion.toExponential(1)} ${JSON.stringify(suggestions)}\n`);
}

const grid = [];
for (const lr of RATES) {
  await learner.restore(start);
  for (const group of learner.optimizer.groups) group.initialLr = lr;
  const callbacks = [scheduleCallback(scheduleOf(plan, length), { metric: 'loss', part: 'valid' })];
  const scores = await fit({ learner, ...loaders, classNames, epochs: plan.epochs, callbacks }).then(
    ({ history }) => history.at(-1).valid,
    () => ({ loss: null, meanDice: null }),
  );
  grid.push({ lr, loss: scores.loss, meanDice: scores.meanDice });
  process.stdout.write(`${lr.toExponential(1)}  loss ${scores.loss}  mean Dice ${scores.meanDice}\n`);
}

if (values.log) {
  await appendFile(values.log, `${JSON.stringify({ data, options, steps: total, grid, finders })}\n`);
}
await learner.close();
await runtime.close();
