/** Creates a learner as `train` does, for benchmarks with their own loop. */
import { firstBatch, modelFor, startFrom } from '../dist/jobs/assemble.js';
import { lossOf, optimizerOf } from '../dist/jobs/learning-settings.js';
import { planTraining } from '../dist/jobs/train-plan.js';
import { createNodeRuntime } from '../dist/runtime/node.js';
import { Learner } from '../dist/training/index.js';

/** Options of `train` from arguments such as `model=unet`; values are parsed as JSON if possible. */
export function optionsFrom(words) {
  return Object.fromEntries(
    words.map((word) => {
      const [name, ...value] = word.split('=');
      return [name, readValue(value.join('='))];
    }),
  );
}

function readValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Plan, runtime, and a learner with a compiled graph. Close the learner, then the runtime. */
export async function learnerFor(options) {
  const plan = await planTraining(options);
  const runtime = await createNodeRuntime({ device: 'cpu' });
  const { model } = await modelFor(plan, runtime);
  const learner = new Learner({
    model,
    loss: lossOf(plan),
    optimizer: optimizerOf(plan),
    runtime,
    seed: plan.seed,
  });
  await startFrom(plan, undefined, learner);
  await learner.prepare(firstBatch(plan));
  return { plan, runtime, learner };
}
