/** Converts minutes into a number of steps, by timing a step. `timeBudget` of `training` corrects it later. */
import { UsageError } from '../errors/index.js';
import type { BatchSource, Learner } from '../training/index.js';
import type { KeptSources } from './keep-features.js';

/** Number of timed steps. One untimed step comes first, which compiles the graph. */
const TIMED_STEPS = 1;

/** A validation batch is only a forward pass, which takes about a third of the time of a training batch. */
const FORWARD_SHARE = 1 / 3;

/** Milliseconds to score one image at its own size, besides the forward pass: reading, resizing, counting. */
const SCORING_MILLISECONDS = 25;

/** Milliseconds for pictures and the report after training. */
const REPORT_MILLISECONDS = 3000;

/** The least length to plan for: a shorter run is cut by `timeBudget`, while a schedule of one step cannot be stretched. */
const FEWEST_STEPS = 20;

export interface MeasuredSteps {
  readonly epochs: number;
  readonly maxSteps: number;
  /** When training has to end, in milliseconds of `performance.now()`. */
  readonly deadline: number;
  /** Estimated milliseconds between two epochs, which validation takes. */
  readonly betweenEpochs: number;
}

export interface BudgetOptions {
  readonly minutes: number;
  /** Start of the given minutes, in milliseconds of `performance.now()`. */
  readonly began: number;
  /** Batches per step. */
  readonly accumulate?: number;
  /** Number of images to score at the end, at their own size. */
  readonly scored?: number;
  /** Number of times that the model runs for each of them; default 1. */
  readonly tiles?: number;
  /** The kept features, if `train` and `valid` have them. Most are computed in the first epoch. */
  readonly kept?: KeptSources | undefined;
}

/**
 * The number of steps (of `accumulate` batches each) and epochs that fit into the time, including validation and the
 * scores at the end. The learner's weights, buffers and counters are restored afterwards. The result is stored with
 * the run.
 */
export async function measureSteps(
  learner: Learner,
  { train, valid }: { readonly train: BatchSource; readonly valid: BatchSource | undefined },
  { minutes, began, accumulate = 1, scored = 0, tiles = 1, kept }: BudgetOptions,
): Promise<MeasuredSteps> {
  if (!(minutes > 0)) throw new UsageError(`minutes must be above 0, not ${minutes}`);
  const started = performance.now();
  const before = await learner.capture();
  let timed = 0;
  let count = 0;
  let samples = 1;
  for await (const batch of train.epoch(0)) {
    const start = performance.now();
    await learner.backward(batch);
    await learner.reduceGradients();
    await learner.step();
    if (count++ > 0) timed += performance.now() - start;
    samples = Math.max(samples, batch.size);
    if (count > TIMED_STEPS) break;
  }
  const perBatch = count > 1 ? timed / (count - 1) : performance.now() - started;
  await learner.restore(before);
  const forward = FORWARD_SHARE * perBatch;
  const betweenEpochs = valid ? forward * valid.length : 0;
  const frozen = kept?.train.perSample ?? 0;
  const scoring =
    scored * (tiles * (forward / samples + frozen) + SCORING_MILLISECONDS) + REPORT_MILLISECONDS;
  // However many images there are to score, a third of the time is left for training.
  const whole = minutes * 60_000;
  const deadline = began + Math.max(whole / 3, whole - scoring);
  const perEpoch = perBatch * train.length + betweenEpochs;
  const once = kept?.once().left ?? 0;
  // After the first epoch, a part of the features is computed anew in each.
  const renewed = kept ? (frozen * train.length * samples) / kept.epochs : 0;
  const left = Math.max(0, deadline - performance.now() - once);
  const epochs = left / (perEpoch + renewed);
  const stepsPerEpoch = Math.ceil(train.length / accumulate);
  const maxSteps = Math.max(FEWEST_STEPS, Math.floor(epochs * stepsPerEpoch));
  return { epochs: Math.ceil(maxSteps / stepsPerEpoch), maxSteps, deadline, betweenEpochs };
}
