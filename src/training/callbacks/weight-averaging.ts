/**
 * Validates and saves an exponential moving average of the weights, which often scores better than the weights of a
 * single step (Polyak & Juditsky 1992).
 */
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { DeviceArray } from '../../runtime/index.js';
import type { Callback } from '../callback.js';
import type { Learner } from '../learner.js';

export interface WeightAveragingOptions {
  /** Decay d of the average, 0 ≤ d < 1; default 0.999. */
  readonly decay?: number;
}

/**
 * Averages weights and buffers after every step: a ← d·a + (1 − d)·w. In the first steps d is (1 + n) ÷ (10 + n),
 * so that the influence of the initial weights decays quickly (as in TensorFlow's ExponentialMovingAverage).
 *
 * From validation to the start of the next epoch, and at the end of the run, the learner contains the average, so that
 * it is validated and stored as the weights of checkpoints. The trained weights are then the state of this callback. It
 * must come before the callback that writes checkpoints.
 */
export function weightAveraging({ decay = 0.999 }: WeightAveragingOptions = {}): Callback {
  if (!(decay >= 0 && decay < 1)) {
    throw new UsageError(`weightAveraging: decay must be at least 0 and below 1, not ${decay}`);
  }
  /** The values that the learner does not contain: the average during training, otherwise the trained weights. */
  let other: Readonly<Record<string, DeviceArray>> | undefined;
  /** The same, as loaded from a checkpoint, until training starts. */
  let saved: Readonly<Record<string, Float32Array>> | undefined;
  let averaged = false;
  let steps = 0;

  const swap = ({ state }: Learner, toAverage: boolean) => {
    if (averaged === toAverage || !other) return;
    for (const { name, array } of state.slots) array.exchange(other[name]!);
    averaged = toAverage;
  };

  return {
    name: 'weightAveraging',
    fitStart({ learner: { state } }) {
      const from = saved;
      const known = (name: string) => (from ? from[name]?.length : other?.[name]?.size);
      if ((from ?? other) && !state.slots.every(({ name, array }) => known(name) === array.size)) {
        throw new PixelwiseError(
          'weights',
          'weightAveraging: the saved weights belong to another model. Resume with the model that the run started with.',
        );
      }
      if (other && !from) return;
      const averages = state.slots.map(({ name, leaf, array }) => {
        const values = from ? from[name]! : array.values;
        return [name, DeviceArray.from(`the average of ${name}`, values, leaf.shape)];
      });
      other = Object.fromEntries(averages) as Record<string, DeviceArray>;
      saved = undefined;
    },
    epochStart: ({ learner }) => swap(learner, false),
    batchStart: ({ learner }) => swap(learner, false),
    async batchEnd({ learner, step }) {
      // With gradient accumulation, most batches do not complete a step.
      if (step === steps) return;
      steps = step;
      await learner.updateEma(other!, Math.min(decay, (1 + step) / (10 + step)));
    },
    validStart: ({ learner }) => swap(learner, true),
    epochEnd: ({ learner }) => swap(learner, true),
    interrupted: ({ learner }) => swap(learner, true),
    state: () => ({ steps, averaged }),
    loadState(state) {
      ({ steps, averaged } = state as { steps: number; averaged: boolean });
    },
    arrays() {
      if (saved) return saved;
      return Object.fromEntries(Object.entries(other ?? {}).map(([name, array]) => [name, array.values]));
    },
    loadArrays(arrays) {
      saved = arrays;
    },
  };
}
