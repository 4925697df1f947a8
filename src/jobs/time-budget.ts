/** Converts minutes into a number of steps, by timing a few steps. */
import { UsageError } from '../errors/index.js';
import type { BatchSource, Learner } from '../training/index.js';

/** Number of timed steps. One untimed step comes first. */
const TIMED_STEPS = 3;

/**
 * The number of steps (of `accumulate` batches each) and epochs that fit into the time, including validation. The
 * learner's weights, buffers and counters are restored afterwards. The result is stored with the run, so that the run
 * can be reproduced.
 *
 * @param began start of the given minutes, in milliseconds of `performance.now()`. Time since then is subtracted.
 * @param hostGradients whether the run copies gradients to the host at every step (accumulation, clipping by value).
 */
export async function measureSteps(
  learner: Learner,
  { train, valid }: { readonly train: BatchSource; readonly valid: BatchSource | undefined },
  minutes: number,
  began = performance.now(),
  accumulate = 1,
  hostGradients = accumulate > 1,
): Promise<{ epochs: number; maxSteps: number }> {
  if (!(minutes > 0)) throw new UsageError(`minutes must be above 0, not ${minutes}`);
  const started = performance.now();
  const before = await learner.capture();
  let timed = 0;
  let count = 0;
  for await (const batch of train.epoch(0)) {
    const start = performance.now();
    await learner.backward(batch);
    if (hostGradients) await learner.fetchGradients();
    await learner.reduceGradients();
    await learner.step();
    if (count++ > 0) timed += performance.now() - start;
    if (count > TIMED_STEPS) break;
  }
  const perBatch = count > 1 ? timed / (count - 1) : performance.now() - started;
  await learner.restore(before);
  // A validation batch is only a forward pass, which takes about a third of the time of a training batch.
  const perEpoch = perBatch * train.length + (valid ? (perBatch / 3) * valid.length : 0);
  const left = minutes * 60_000 - (performance.now() - began);
  const epochs = left / perEpoch;
  const stepsPerEpoch = Math.ceil(train.length / accumulate);
  const maxSteps = Math.max(1, Math.floor(epochs * stepsPerEpoch));
  return { epochs: Math.ceil(maxSteps / stepsPerEpoch), maxSteps };
}
