/** Makes a run end at a given time: corrects its number of steps while it trains, because the machine's speed varies. */
import type { Callback, FitContext } from '../callback.js';

/** How often the length of a run is corrected. */
const CORRECTIONS = 50;

/** Corrections look at the time of the latest steps: this many intervals between corrections. */
const WINDOW = 4;

export interface TimeBudgetOptions {
  /** When training has to end, in milliseconds of `now`. */
  readonly deadline: number;
  /** Estimated milliseconds between the last batch of an epoch and the first of the next, until they were measured. */
  readonly betweenEpochs: number;
  /** Milliseconds spent so far on work within the steps that is done once, and of such work to come; default none. */
  readonly once?: (() => { readonly spent: number; readonly left: number }) | undefined;
  /** The clock, in milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

/**
 * Corrects the length of a run at regular steps, from the time that the latest steps took and from the time between
 * epochs (validation, checkpoints, pictures). The learning-rate schedule is stretched to the new length. With
 * replicas, all ranks use the mean of their estimates. A resumed run keeps its length: its deadline has passed.
 */
export function timeBudget(options: TimeBudgetOptions): Callback {
  const { deadline, once = () => ({ spent: 0, left: 0 }), now = () => performance.now() } = options;
  let { betweenEpochs } = options;
  let resumed = false;
  let interval = 1;
  /** When the latest corrections were made, in milliseconds of training alone. */
  let marks: { readonly step: number; readonly time: number }[] = [];
  /** Milliseconds between epochs, in total. */
  let paused = 0;
  let lastBatch: number | undefined;

  async function correct(context: FitContext): Promise<void> {
    const { step, maxSteps, batchesPerEpoch, totalBatches, learner } = context;
    const time = now() - paused - once().spent;
    marks = [...marks, { step, time }].slice(-WINDOW - 1);
    const [first] = marks as [(typeof marks)[0], ...typeof marks];
    if (first.step === step) return;
    const perStep = (time - first.time) / (step - first.step);
    const stepsPerEpoch = (batchesPerEpoch * maxSteps) / totalBatches;
    // The epoch that ends the run is followed by one more pause; earlier ones are spread over their steps.
    const left = Math.max(0, deadline - now() - betweenEpochs - once().left);
    const own = left / (perStep + betweenEpochs / stepsPerEpoch);
    const { replicas } = learner;
    const steps = replicas ? (await replicas.sum([own]))[0]! / replicas.communicator.size : own;
    // At its last step, a run goes on only if there is time for another.
    const more = Math.max(step < maxSteps ? 1 : 0, Math.round(steps));
    if (more > 0) context.limitSteps(step + more);
  }

  return {
    name: 'timeBudget',
    fitStart({ step, maxSteps }) {
      resumed = step > 0;
      interval = Math.max(1, Math.floor(maxSteps / CORRECTIONS));
      marks = [{ step, time: now() - once().spent }];
    },
    epochStart() {
      if (lastBatch === undefined) return;
      betweenEpochs = now() - lastBatch;
      paused += betweenEpochs;
    },
    async batchEnd(context) {
      lastBatch = now();
      const { step, maxSteps } = context;
      const due = (step === maxSteps || step % interval === 0) && marks.at(-1)?.step !== step;
      if (due && !resumed) await correct(context);
    },
  };
}
