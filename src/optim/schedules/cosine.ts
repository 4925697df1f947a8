/**
 * Cosine annealing with linear warm-up and warm restarts (Loshchilov & Hutter, "SGDR: stochastic
 * gradient descent with warm restarts", ICLR 2017, equation 5). Equal to PyTorch's CosineAnnealingLR or
 * CosineAnnealingWarmRestarts, after LinearLR if there is a warm-up.
 */
import { UsageError } from '../../errors/index.js';
import type { Settings } from '../../settings/index.js';
import { checkSettings, flag, real, whole } from '../../settings/index.js';
import { makeSchedule } from './schedule.js';
import type { Schedule, ScheduleDefinition } from './schedule.js';

export interface CosineOptions {
  /** Steps from the full rate to the minimum (PyTorch's T_max, or T_0), without the warm-up; at least 1. */
  readonly period: number;
  /** Steps of linear warm-up before that, at least 0. */
  readonly warmup: number;
  /** The fraction of the rate at which warm-up starts, in (0, 1]. */
  readonly warmupFactor: number;
  /** Whether the rate returns to its full value after each period. If not, it stays at the minimum. */
  readonly restarts: boolean;
  /** Length of each period relative to the one before (T_mult); whole, at least 1. */
  readonly periodFactor: number;
  /** The minimum learning rate (eta_min): a rate, not a fraction; at least 0. */
  readonly minLr: number;
}

const SETTINGS: Settings<CosineOptions> = {
  period: { kind: whole(1), help: 'steps from the full rate to the minimum' },
  warmup: { kind: whole(0), help: 'steps of linear warm-up before that', default: 0 },
  warmupFactor: {
    kind: real({ above: 0, max: 1 }),
    help: 'the fraction of the rate at which warm-up starts',
    default: 1 / 3,
  },
  restarts: { kind: flag(), help: 'whether the rate returns to its full value', default: false },
  periodFactor: { kind: whole(1), help: 'length of each period relative to the one before', default: 1 },
  minLr: { kind: real({ min: 0 }), help: 'the minimum learning rate', default: 0 },
};

/**
 * minLr + (baseLr − minLr) · (1 + cos(π t / T)) / 2, per batch, t steps into a period of T.
 *
 * Defaults: no warm-up (warmupFactor 1/3), no restarts (periodFactor 1), minLr 0.
 * @throws UsageError if an option is out of range.
 */
export function cosine(
  given: Partial<CosineOptions> & Pick<CosineOptions, 'period'>,
): Schedule<CosineOptions> {
  const options = checkSettings('cosine', SETTINGS, given);
  const { period, warmup, warmupFactor, restarts, periodFactor, minLr } = options;
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

export const cosineDefinition: ScheduleDefinition<{
  readonly warmupEpochs: number;
  readonly restarts: number;
}> = {
  title: 'falls along a cosine to 0',
  settings: {
    warmupEpochs: {
      kind: whole(0, 1_000_000),
      help: 'epochs at the start in which the learning rate rises from a third to its full value',
      default: 0,
    },
    restarts: {
      kind: whole(0, 1000),
      help: 'number of warm restarts, evenly spaced: each returns the learning rate to its full value',
      default: 0,
    },
  },
  make({ warmupEpochs, restarts }, { totalSteps, stepsPerEpoch }) {
    const warmup = warmupEpochs * stepsPerEpoch;
    const left = totalSteps - warmup;
    if (left <= restarts) {
      throw new UsageError(
        `The run of ${totalSteps} steps is too short for its schedule: warm-up takes ${warmup} steps, and --restarts ${restarts} needs more than ${restarts} steps after it. Make the run longer, or lower --warmup-epochs or --restarts.`,
      );
    }
    return cosine({ period: Math.ceil(left / (restarts + 1)), restarts: restarts > 0, warmup });
  },
};
