/** Measures training steps (forward, loss, backward and Adam) with the learner that `fit` uses. */
import type { Batch } from '../data/dataset.js';
import { sizeOf } from '../graph/index.js';
import { trainingOperations } from '../models/index.js';
import { binaryCrossEntropy, crossEntropy } from '../nn/index.js';
import { Adam } from '../optim/index.js';
import { Random } from '../random/index.js';
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
  const kept = which.mode === 'train-kept';
  // From kept features, a step computes only a part of them.
  const operations = kept ? {} : { operations: trainingOperations(model, shape) };
  const classes = benchClasses(which.model);
  const learner = new Learner({
    model,
    loss: classes === 2 ? binaryCrossEntropy() : crossEntropy(),
    optimizer: (parameters) => new Adam(parameters, { lr: 1e-4 }),
    runtime,
    seed: 0,
  });
  const started = performance.now();
  await learner.prepare(shape, { features: kept });
  const compileSeconds = (performance.now() - started) / 1000;
  const drawn = drawBatch(shape, classes);
  const batch = kept ? withFeatures(learner, drawn) : drawn;
  const times = await timeRepeats(repeats, async () => {
    await learner.backward(batch);
    await learner.step();
  });
  await learner.close();
  return { times, compileSeconds, ...operations };
}

/** The batch with features of noise, since the time of a step does not depend on their values. */
function withFeatures(learner: Learner, { images, ...batch }: Batch): Batch {
  const random = new Random(0, 'features');
  const shapes = learner.featureShapes('train', batch)!;
  const features = shapes.map((shape) => Float32Array.from({ length: sizeOf(shape) }, () => random.float()));
  return { ...batch, images: images.subarray(0, 0), features: batch.ids.map(() => features) };
}
