/**
 * Lowers the rate once a score has stopped getting better. Equal to PyTorch's ReduceLROnPlateau. The one
 * schedule with a memory: it must be shown the score of every epoch, and saved with the run.
 */
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { withDefaults } from '../defaults.js';
import { requireInRange } from '../range.js';
import type { Schedule, SchedulePoint } from './schedule.js';

export interface ReduceOnPlateauOptions {
  /** Whether a smaller or a greater score is the better one. */
  readonly mode: 'min' | 'max';
  /** Factor of each reduction, in (0, 1). */
  readonly factor: number;
  /** Epochs without improvement that are let pass, at least 0; the next one reduces. */
  readonly patience: number;
  /** What counts as improvement, at least 0, if relative below 1: see `thresholdMode`. */
  readonly threshold: number;
  /** `rel`: better by the share `threshold` of the best score; `abs`: better by `threshold` itself. */
  readonly thresholdMode: 'rel' | 'abs';
  /** Epochs after a reduction in which nothing is counted, at least 0. */
  readonly cooldown: number;
  /** No rate is reduced below this, at least 0. */
  readonly minLr: number;
  /** A reduction by no more than this is not made, at least 0. */
  readonly eps: number;
}

/** What the schedule remembers: plain data that JSON can hold. */
export interface ReduceOnPlateauState {
  /** The best score so far; null before there is one. */
  readonly best: number | null;
  readonly badEpochs: number;
  readonly cooldownLeft: number;
  readonly reductions: number;
}

/**
 * baseLr · factor^reductions, at least minLr; per epoch. Call `observe` with the score after each epoch.
 * A score that is not a number counts as no improvement.
 *
 * Defaults: mode min, factor 0.1, patience 10, threshold 1e-4 relative, no cool-down, minLr 0, eps 1e-8.
 */
export class ReduceOnPlateau implements Schedule<ReduceOnPlateauOptions> {
  readonly type = 'plateau';
  readonly interval = 'epoch';
  readonly options: ReduceOnPlateauOptions;
  private best: number;
  private badEpochs = 0;
  private cooldownLeft = 0;
  private reductions = 0;

  /** @throws UsageError where an option is out of range. */
  constructor(given: Partial<ReduceOnPlateauOptions> = {}) {
    const defaults: ReduceOnPlateauOptions = {
      mode: 'min',
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: 'rel',
      cooldown: 0,
      minLr: 0,
      eps: 1e-8,
    };
    this.options = withDefaults(defaults, given);
    const { mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps } = this.options;
    if (mode !== 'min' && mode !== 'max') {
      throw new UsageError(`plateau: mode must be "min" or "max", got ${String(mode)}.`);
    }
    if (thresholdMode !== 'rel' && thresholdMode !== 'abs') {
      throw new UsageError(`plateau: thresholdMode must be "rel" or "abs", got ${String(thresholdMode)}.`);
    }
    requireInRange('plateau', 'factor', factor, { above: 0, below: 1 });
    requireInRange('plateau', 'patience', patience, { min: 0, whole: true });
    requireInRange(
      'plateau',
      'threshold',
      threshold,
      thresholdMode === 'rel' ? { min: 0, below: 1 } : { min: 0 },
    );
    requireInRange('plateau', 'cooldown', cooldown, { min: 0, whole: true });
    requireInRange('plateau', 'minLr', minLr, { min: 0 });
    requireInRange('plateau', 'eps', eps, { min: 0 });
    this.best = this.worst();
  }

  /** The rate after the scores observed so far, whatever the step. */
  at(_step: number, baseLr = 1): SchedulePoint {
    const { factor, minLr, eps } = this.options;
    let lr = baseLr;
    for (let i = 0; i < this.reductions; i++) {
      const reduced = Math.max(lr * factor, minLr);
      if (!(lr - reduced > eps)) break;
      lr = reduced;
    }
    return { lr };
  }

  /** Takes in the score of one epoch. @returns whether it reduced the rate. */
  observe(score: number): boolean {
    if (this.isBetter(score)) {
      this.best = score;
      this.badEpochs = 0;
    } else {
      this.badEpochs++;
    }
    if (this.cooldownLeft > 0) {
      this.cooldownLeft--;
      this.badEpochs = 0;
    }
    if (this.badEpochs <= this.options.patience) return false;
    this.reductions++;
    this.cooldownLeft = this.options.cooldown;
    this.badEpochs = 0;
    return true;
  }

  state(): ReduceOnPlateauState {
    const { best, badEpochs, cooldownLeft, reductions } = this;
    return { best: Number.isFinite(best) ? best : null, badEpochs, cooldownLeft, reductions };
  }

  /** @throws PixelwiseError `schedule-state` where the state is not one of this schedule. */
  loadState({ best, badEpochs, cooldownLeft, reductions }: ReduceOnPlateauState): void {
    const whole = [badEpochs, cooldownLeft, reductions].every((n) => Number.isInteger(n) && n >= 0);
    if (!whole || !(best === null || Number.isFinite(best))) {
      throw new PixelwiseError(
        'schedule-state',
        `plateau: the saved state is not whole: ${JSON.stringify({ best, badEpochs, cooldownLeft, reductions })}. Resume from another checkpoint.`,
      );
    }
    this.best = best ?? this.worst();
    this.badEpochs = badEpochs;
    this.cooldownLeft = cooldownLeft;
    this.reductions = reductions;
  }

  private worst(): number {
    return this.options.mode === 'min' ? Infinity : -Infinity;
  }

  private isBetter(score: number): boolean {
    const { mode, threshold, thresholdMode } = this.options;
    const margin = mode === 'min' ? -threshold : threshold;
    const bar = thresholdMode === 'rel' ? this.best * (1 + margin) : this.best + margin;
    return mode === 'min' ? score < bar : score > bar;
  }
}
