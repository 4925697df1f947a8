/**
 * An exponential moving average of the weights, which is what is validated and saved: it often scores better
 * than the weights that learn, which jump about (Polyak & Juditsky 1992).
 */
import { PixelwiseError, UsageError } from '../../errors/index.js';
import type { Callback } from '../callback.js';
import type { Learner } from '../learner.js';

export interface WeightAveragingOptions {
  /** Share of the past in each step's average, 0 ≤ d < 1; default 0.999. */
  readonly decay?: number;
}

/**
 * Averages weights and buffers after every step: a ← d·a + (1 − d)·w. In the first steps d is (1 + n) ÷ (10 + n),
 * so that the random start is soon forgotten (as in TensorFlow's ExponentialMovingAverage).
 *
 * From the start of validation to the next epoch, and at the end of the run, the learner holds the average, so
 * that validation scores it and checkpoints hold it as the weights. The weights that learn are this callback's
 * own state. It stands before the callback that writes checkpoints.
 */
export function weightAveraging({ decay = 0.999 }: WeightAveragingOptions = {}): Callback {
  if (!(decay >= 0 && decay < 1)) {
    throw new UsageError(`weightAveraging: decay must be at least 0 and below 1, not ${decay}`);
  }
  /** What the learner does not hold: the average while it learns, else the weights that learn. */
  let other: Values | undefined;
  let averaged = false;
  let followed: Learner | undefined;
  let steps = 0;

  const swap = (learner: Learner, toAverage: boolean) => {
    if (averaged === toAverage || !other) return;
    const held = valuesOf(learner);
    for (const slot of learner.state.slots) learner.state.values(slot).set(other[slot.name]!);
    other = held;
    averaged = toAverage;
  };

  return {
    name: 'weightAveraging',
    fitStart({ learner }) {
      other ??= valuesOf(learner);
      const values = other;
      if (learner.state.slots.every(({ name, length }) => values[name]?.length === length)) return;
      throw new PixelwiseError(
        'weights',
        'weightAveraging: the saved weights are not of this model. Resume with the model that the run began with.',
      );
    },
    epochStart: ({ learner }) => swap(learner, false),
    batchStart: ({ learner }) => swap(learner, false),
    async batchEnd({ learner, step }) {
      // With accumulation most batches are no step.
      if (step === steps) return;
      steps = step;
      followed = learner;
      await learner.follow(other!, Math.min(decay, (1 + step) / (10 + step)));
    },
    validStart: ({ learner }) => swap(learner, true),
    epochEnd: ({ learner }) => swap(learner, true),
    interrupted: ({ learner }) => swap(learner, true),
    state: () => ({ steps, averaged }),
    loadState(state) {
      ({ steps, averaged } = state as { steps: number; averaged: boolean });
    },
    arrays() {
      if (followed?.averageAway) {
        throw new Error('the average is on the device: await learner.synchronize() before snapshot()');
      }
      return other ?? {};
    },
    loadArrays(arrays) {
      other = Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, values.slice()]));
    },
  };
}

/** By name, so that it does not matter where the learner keeps them: unfreezing lays them out anew. */
type Values = Readonly<Record<string, Float32Array>>;

const valuesOf = ({ state }: Learner): Values =>
  Object.fromEntries(state.slots.map((slot) => [slot.name, state.values(slot).slice()]));
