/**
 * The learning-rate range test (Smith, "Cyclical learning rates for training neural networks", WACV 2017,
 * section 3.3): the rate grows from step to step while the loss is watched. It is a schedule and a recorder
 * run through `fit`; afterwards the learner is as it was before.
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
  /** Steps, at least 10; default 100. Where an epoch has fewer, several epochs are run through. */
  readonly steps?: number;
  /** Batches that make a step, as for `fit`: a rate that suits one batch is not the rate for the mean of many. */
  readonly accumulate?: number;
  /** Share of the past in the moving average of the loss, 0 ≤ β < 1; default 0.9. */
  readonly smoothing?: number;
  /** The test ends where the smoothed loss exceeds its least so far by this factor; default 4. */
  readonly divergence?: number;
  /** For progress. */
  readonly onPoint?: (point: LrPoint) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface LrFinderResult {
  readonly points: readonly LrPoint[];
  /** Whether the loss ran away before the last rate was reached. */
  readonly diverged: boolean;
  readonly suggestions: LrSuggestions;
  /** The one to use: three quarters of the fall (docs/choosing.md has what it came to beside grid searches). */
  readonly suggestion: number;
}

/**
 * Runs the test. Weights, buffers, optimizer and random state are the same bits before and after, also if
 * it fails.
 *
 * @throws what aborted `signal`; PixelwiseError `lr-find` where nothing can be read off the curve.
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
    // Numbers that are no longer finite are what a too large rate leads to: the curve ends here.
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

/** Keeps the points of the curve, and calls `diverged` once the loss has run away. */
function recorder(
  { smoothing = 0.9, divergence = 4, onPoint }: LrFinderOptions,
  diverged: () => void,
): { points: LrPoint[]; callback: Callback } {
  const points: LrPoint[] = [];
  let average = 0;
  let least = Infinity;
  /** Σ over the batches of the step under way. */
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
      // An average that starts at 0 is too small by the share of the start that is still in it (Kingma & Ba 2015).
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
