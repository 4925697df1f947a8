/**
 * Cosine annealing with linear warm-up and warm restarts (Loshchilov & Hutter, "SGDR: stochastic
 * gradient descent with warm restarts", ICLR 2017, equation 5). Equal to PyTorch's CosineAnnealingLR or
 * CosineAnnealingWarmRestarts, after LinearLR where there is a warm-up.
 */
import { withDefaults } from '../defaults.js';
import { requireBoolean, requireInRange } from '../range.js';
import { makeSchedule } from './schedule.js';
import type { Schedule } from './schedule.js';

export interface CosineOptions {
  /** Steps from the full rate down to the least (PyTorch's T_max, or T_0), warm-up aside; at least 1. */
  readonly period: number;
  /** Steps of linear warm-up ahead of that, at least 0. */
  readonly warmup: number;
  /** The share of the rate at which warm-up starts, in (0, 1]. */
  readonly warmupFactor: number;
  /** Whether the rate jumps back up after each period; if not, the least rate holds from there on. */
  readonly restarts: boolean;
  /** Each period is so many times as long as the one before (T_mult); whole, at least 1. */
  readonly periodFactor: number;
  /** The least learning rate (eta_min): a rate, not a share; at least 0. */
  readonly minLr: number;
}

/**
 * minLr + (baseLr − minLr) · (1 + cos(π t / T)) / 2, per batch, t steps into a period of T.
 *
 * Defaults: no warm-up (warmupFactor 1/3), no restarts (periodFactor 1), minLr 0.
 * @throws UsageError where an option is out of range.
 */
export function cosine(
  given: Partial<CosineOptions> & Pick<CosineOptions, 'period'>,
): Schedule<CosineOptions> {
  const defaults: CosineOptions = {
    period: given.period,
    warmup: 0,
    warmupFactor: 1 / 3,
    restarts: false,
    periodFactor: 1,
    minLr: 0,
  };
  const options = withDefaults(defaults, given);
  const { period, warmup, warmupFactor, restarts, periodFactor, minLr } = options;
  requireInRange('cosine', 'period', period, { min: 1, whole: true });
  requireInRange('cosine', 'warmup', warmup, { min: 0, whole: true });
  requireInRange('cosine', 'warmupFactor', warmupFactor, { above: 0, max: 1 });
  requireBoolean('cosine', 'restarts', restarts);
  requireInRange('cosine', 'periodFactor', periodFactor, { min: 1, whole: true });
  requireInRange('cosine', 'minLr', minLr, { min: 0 });

  return makeSchedule('cosine', 'batch', options, (step, baseLr) => {
    if (step < warmup) return { lr: baseLr * (warmupFactor + (1 - warmupFactor) * (step / warmup)) };
    let elapsed = step - warmup;
    let length = period;
    if (!restarts) {
      elapsed = Math.min(elapsed, period);
    } else if (periodFactor === 1) {
      elapsed %= period;
    } else {
      while (elapsed >= length) {
        elapsed -= length;
        length *= periodFactor;
      }
    }
    return { lr: minLr + ((baseLr - minLr) * (1 + Math.cos((Math.PI * elapsed) / length))) / 2 };
  });
}
