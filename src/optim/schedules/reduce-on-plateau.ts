/**
 * Lowers the rate when a score has stopped improving. Equal to PyTorch's ReduceLROnPlateau. It is the only
 * schedule with state: it must be given the score of every epoch, and its state is saved with the run.
 */
import { PixelwiseError } from '../../errors/index.js';
import type { Settings } from '../../settings/index.js';
import { checkSettings, checkValue, choice, real, whole } from '../../settings/index.js';
import type { Schedule, ScheduleDefinition, SchedulePoint } from './schedule.js';

export interface ReduceOnPlateauOptions {
  /** Whether a lower or a higher score is better. */
  readonly mode: 'min' | 'max';
  /** Factor of each reduction, in (0, 1). */
  readonly factor: number;
  /** Epochs without improvement that are tolerated, at least 0; the next one lowers the rate. */
  readonly patience: number;
  /** The smallest change that counts as improvement, at least 0, and below 1 if relative: see `thresholdMode`. */
  readonly threshold: number;
  /** `rel`: `threshold` is a fraction of the best score; `abs`: it is a difference. */
  readonly thresholdMode: 'rel' | 'abs';
  /** Epochs after a reduction in which bad epochs are not counted, at least 0. */
  readonly cooldown: number;
  /** The rate is never reduced below this, at least 0. */
  readonly minLr: number;
  /** Smaller reductions than this are not made, at least 0. */
  readonly eps: number;
}

const SETTINGS: Settings<ReduceOnPlateauOptions> = {
  mode: { kind: choice(['min', 'max']), help: 'whether a lower or a higher score is better', default: 'min' },
  factor: { kind: real({ above: 0, below: 1 }), help: 'factor of each reduction', default: 0.1 },
  patience: { kind: whole(0), help: 'epochs without improvement that are tolerated', default: 10 },
  threshold: { kind: real({ min: 0 }), help: 'the smallest change that counts', default: 1e-4 },
  thresholdMode: {
    kind: choice(['rel', 'abs']),
    help: 'whether the threshold is a fraction of the best score or a difference',
    default: 'rel',
  },
  cooldown: { kind: whole(0), help: 'epochs after a reduction that are not counted', default: 0 },
  minLr: { kind: real({ min: 0 }), help: 'the rate is never reduced below this', default: 0 },
  eps: { kind: real({ min: 0 }), help: 'smaller reductions than this are not made', default: 1e-8 },
};

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
 * NaN counts as no improvement.
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

  /** @throws UsageError if an option is out of range. */
  constructor(given: Partial<ReduceOnPlateauOptions> = {}) {
    this.options = checkSettings('plateau', SETTINGS, given);
    const { thresholdMode, threshold } = this.options;
    if (thresholdMode === 'rel') checkValue('plateau: threshold', real({ min: 0, below: 1 }), threshold);
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

  /** Takes the score of one epoch. @returns whether it lowered the rate. */
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

  /** @throws PixelwiseError `schedule-state` if the state is not one of this schedule. */
  loadState({ best, badEpochs, cooldownLeft, reductions }: ReduceOnPlateauState): void {
    const whole = [badEpochs, cooldownLeft, reductions].every((n) => Number.isInteger(n) && n >= 0);
    if (!whole || !(best === null || Number.isFinite(best))) {
      throw new PixelwiseError(
        'schedule-state',
        `plateau: the saved state is damaged: ${JSON.stringify({ best, badEpochs, cooldownLeft, reductions })}. Resume from another checkpoint.`,
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

export const reduceOnPlateauDefinition: ScheduleDefinition = {
  title: 'drops when the monitored score stops improving',
  settings: {},
  make: (_, { epochs }) => new ReduceOnPlateau({ patience: Math.max(2, Math.round(epochs / 10)) }),
};
