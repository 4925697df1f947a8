/**
 * The one-cycle policy (Smith & Topin, "Super-convergence: very fast training of neural networks using
 * large learning rates", 2018): up to the learning rate and far below where it started, while momentum
 * runs against it. Equal to PyTorch's OneCycleLR.
 */
import { UsageError } from '../../errors/index.js';
import { withDefaults } from '../defaults.js';
import { requireBoolean, requireInRange } from '../range.js';
import { makeSchedule } from './schedule.js';
import type { Schedule } from './schedule.js';

export interface OneCycleOptions {
  /** Optimizer steps in the whole run, at least 1. */
  readonly totalSteps: number;
  /** Share of the run in which the rate rises, in [0, 1]; with `threePhase` in [0, 0.5]. */
  readonly pctStart: number;
  /** How a value moves from one end to the other: by half a cosine, or in a straight line. */
  readonly annealStrategy: 'cos' | 'linear';
  /** Whether momentum moves too, opposite to the rate. */
  readonly cycleMomentum: boolean;
  /** Momentum where the rate is greatest, in [0, 1). */
  readonly baseMomentum: number;
  /** Momentum where the rate is least, in [0, 1). */
  readonly maxMomentum: number;
  /** The rate starts at baseLr / divFactor. */
  readonly divFactor: number;
  /** The rate ends at baseLr / divFactor / finalDivFactor. */
  readonly finalDivFactor: number;
  /** Comes down as it went up, and only then on to the final rate. */
  readonly threePhase: boolean;
}

/**
 * One-cycle, per batch. The scheduled rate (`baseLr`) is the greatest, PyTorch's `max_lr`. From the last
 * step on the final values hold.
 *
 * Defaults: pctStart 0.3, cosine, momentum between 0.85 and 0.95, divFactor 25, finalDivFactor 1e4, two
 * phases.
 * @throws UsageError where an option is out of range.
 */
export function oneCycle(
  given: Partial<OneCycleOptions> & Pick<OneCycleOptions, 'totalSteps'>,
): Schedule<OneCycleOptions> {
  const defaults: OneCycleOptions = {
    totalSteps: given.totalSteps,
    pctStart: 0.3,
    annealStrategy: 'cos',
    cycleMomentum: true,
    baseMomentum: 0.85,
    maxMomentum: 0.95,
    divFactor: 25,
    finalDivFactor: 1e4,
    threePhase: false,
  };
  const options = withDefaults(defaults, given);
  const { totalSteps, pctStart, annealStrategy, baseMomentum, maxMomentum, divFactor, finalDivFactor } =
    options;
  requireInRange('one-cycle', 'totalSteps', totalSteps, { min: 1, whole: true });
  requireBoolean('one-cycle', 'threePhase', options.threePhase);
  requireBoolean('one-cycle', 'cycleMomentum', options.cycleMomentum);
  requireInRange('one-cycle', 'pctStart', pctStart, { min: 0, max: options.threePhase ? 0.5 : 1 });
  requireInRange('one-cycle', 'baseMomentum', baseMomentum, { min: 0, below: 1 });
  requireInRange('one-cycle', 'maxMomentum', maxMomentum, { min: 0, below: 1 });
  requireInRange('one-cycle', 'divFactor', divFactor, { above: 0 });
  requireInRange('one-cycle', 'finalDivFactor', finalDivFactor, { above: 0 });
  if (annealStrategy !== 'cos' && annealStrategy !== 'linear') {
    throw new UsageError(
      `one-cycle: annealStrategy must be "cos" or "linear", got ${String(annealStrategy)}.`,
    );
  }

  const last = totalSteps - 1;
  const rise = pctStart * totalSteps - 1;
  // The values at the corners, as shares of the greatest rate, and where the corners lie.
  const start = { rate: 1 / divFactor, momentum: maxMomentum };
  const peak = { rate: 1, momentum: baseMomentum };
  const final = { rate: 1 / divFactor / finalDivFactor, momentum: maxMomentum };
  const phases = options.threePhase
    ? [
        { end: rise, from: start, to: peak },
        { end: 2 * rise, from: peak, to: start },
        { end: last, from: start, to: final },
      ]
    : [
        { end: rise, from: start, to: peak },
        { end: last, from: peak, to: final },
      ];

  return makeSchedule('one-cycle', 'batch', options, (requested, baseLr) => {
    const step = Math.min(requested, last);
    let begin = 0;
    let phase = phases[0]!;
    for (phase of phases) {
      if (step <= phase.end) break;
      if (phase !== phases.at(-1)) begin = phase.end;
    }
    const { from, to, end } = phase;
    const share = end > begin ? (step - begin) / (end - begin) : 1;
    const way = annealStrategy === 'cos' ? (1 - Math.cos(Math.PI * share)) / 2 : share;
    const between = (a: number, b: number) => a + (b - a) * way;
    const lr = baseLr * between(from.rate, to.rate);
    return options.cycleMomentum ? { lr, momentum: between(from.momentum, to.momentum) } : { lr };
  });
}
