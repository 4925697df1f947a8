/** Measures training steps (forward, loss, backward and Adam) with the learner that `fit` uses. */
import { trainingOperations } from '../models/index.js';
import { binaryCrossEntropy, crossEntropy } from '../nn/index.js';
import { Adam } from '../optim/index.js';
import type { Runtime } from '../runtime/index.js';
import { Learner } from '../training/learner.js';
import type { BenchCase, CaseSettings } from './case.js';
import { benchClasses, benchModel } from './case.js';
import { drawBatch } from '../training/index.js';
import { batchShape } from './case.js';
import type { Steps } from './timing.js';
import { timeRepeats } from './timing.js';

export async function measureTraining(
  which: BenchCase,
  { repeats }: CaseSettings,
  runtime: Runtime,
): Promise<Steps> {
  const model = benchModel(which.model);
  const shape = batchShape(which);
  const operations = trainingOperations(model, shape);
  const classes = benchClasses(which.model);
  const learner = new Learner({
    model,
    loss: classes === 2 ? binaryCrossEntropy() : crossEntropy(),
    optimizer: (parameters) => new Adam(parameters, { lr: 1e-4 }),
    runtime,
    seed: 0,
  });
  const started = performance.now();
  await learner.prepare(shape);
  const compileSeconds = (performance.now() - started) / 1000;
  const batch = drawBatch(shape, classes);
  const times = await timeRepeats(repeats, async () => {
    await learner.backward(batch);
    await learner.step();
  });
  await learner.close();
  return { times, compileSeconds, operations };
}
