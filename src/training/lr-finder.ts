/**
 * The learning-rate range test (Smith, "Cyclical learning rates for training neural networks", WACV 2017,
 * section 3.3): the learning rate increases at each step while the loss is recorded. It is implemented as a schedule
 * and a callback of `fit`. Afterwards, the state of the learner is restored.
 */
import { PixelwiseError } from '../errors/index.js';
import { rangeTest } from '../optim/index.js';
import type { Callback } from './callback.js';
import { scheduleCallback } from './callbacks/schedule.js';
import type { BatchSource } from './fit.js';
import { fit } from './fit.js';
import type { Learner } from './learner.js';
import type { LrPoint, LrSuggestions } from './lr-suggestion.js';
import { suggestLr } from './lr-suggestion.js';

export interface LrFinderOptions {
  readonly learner: Learner;
  readonly train: BatchSource;
  /** As for `fit`. */
  readonly classNames: readonly string[];
  /** Rate of the first step; default 1e-6. */
  readonly startLr?: number;
  /** Rate of the last step; default 1. */
  readonly endLr?: number;
  /** Number of steps, at least 10; default 100. They may span several epochs. */
  readonly steps?: number;
  /** Batches per step, as for `fit`, because the best learning rate depends on it. */
  readonly accumulate?: number;
  /** Decay of the moving average of the loss, 0 ≤ β < 1; default 0.9. */
  readonly smoothing?: number;
  /** The test ends when the smoothed loss exceeds its minimum so far by this factor; default 4. */
  readonly divergence?: number;
  /** Called after each step. */
  readonly onPoint?: (point: LrPoint) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface LrFinderResult {
  readonly points: readonly LrPoint[];
  /** Whether the loss diverged before the last rate was reached. */
  readonly diverged: boolean;
  readonly suggestions: LrSuggestions;
  /** The recommended rate: `threeQuarters` (docs/choosing.md compares it to grid searches). */
  readonly suggestion: number;
}

/**
 * Runs the test. Weights, buffers, optimizer and random state are bitwise the same before and after, even if it
 * fails.
 *
 * @throws `signal.reason` when aborted; PixelwiseError `lr-find` if the curve gives no suggestion.
 */
export async function findLr(options: LrFinderOptions): Promise<LrFinderResult> {
  const { learner, train, classNames, startLr = 1e-6, endLr = 1, steps = 100 } = options;
  const { accumulate = 1, signal } = options;
  const schedule = rangeTest({ startLr, endLr, totalSteps: steps });
  const ends = new AbortController();
  const { points, callback } = recorder(options, () => ends.abort());
  const before = await learner.capture();
  try {
    await fit({
      learner,
      train,
      classNames,
      epochs: Math.ceil(steps / Math.ceil(train.length / accumulate)),
      maxSteps: steps,
      accumulate,
      callbacks: [scheduleCallback(schedule, { metric: 'loss', part: 'train' }), callback],
      signal: signal ? AbortSignal.any([signal, ends.signal]) : ends.signal,
    });
  } catch (error) {
    // Non-finite values are the expected result of too large a rate: the curve ends here.
    const overflow = error instanceof PixelwiseError && error.code === 'non-finite' && points.length > 0;
    if (!overflow) throw error;
    ends.abort();
  } finally {
    await learner.restore(before);
  }
  signal?.throwIfAborted();
  const suggestions = suggestLr(points);
  return { points, diverged: ends.signal.aborted, suggestions, suggestion: suggestions.threeQuarters };
}

/** A callback that records the points of the curve and calls `diverged` when the loss diverges. */
function recorder(
  { smoothing = 0.9, divergence = 4, onPoint }: LrFinderOptions,
  diverged: () => void,
): { points: LrPoint[]; callback: Callback } {
  const points: LrPoint[] = [];
  let average = 0;
  let least = Infinity;
  /** Sums over the batches of the current step. */
  let [lossSum, samples] = [0, 0];
  const callback: Callback = {
    name: 'lrRecorder',
    batchEnd({ learner, step }, { output }) {
      lossSum += output.samples * output.loss;
      samples += output.samples;
      if (step === points.length) return;
      const loss = lossSum / samples;
      [lossSum, samples] = [0, 0];
      average = smoothing * average + (1 - smoothing) * loss;
      // Bias correction of a moving average that starts at 0 (Kingma & Ba 2015).
      const smoothed = average / (1 - smoothing ** (points.length + 1));
      const point = { lr: learner.optimizer.groups[0]!.lr, loss, smoothed };
      points.push(point);
      onPoint?.(point);
      least = Math.min(least, smoothed);
      if (smoothed > divergence * least) diverged();
    },
  };
  return { points, callback };
}
