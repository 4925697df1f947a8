/**
 * The one-cycle policy (Smith & Topin, "Super-convergence: very fast training of neural networks using
 * large learning rates", 2018): the rate rises to its maximum, then falls far below its start, while momentum
 * does the opposite. Equal to PyTorch's OneCycleLR.
 */
import type { Settings } from '../../settings/index.js';
import { checkSettings, checkValue, choice, flag, real, whole } from '../../settings/index.js';
import { makeSchedule } from './schedule.js';
import type { Schedule, ScheduleDefinition } from './schedule.js';

export interface OneCycleOptions {
  /** Optimizer steps in the whole run, at least 1. */
  readonly totalSteps: number;
  /** Fraction of the run in which the rate rises, in [0, 1]; with `threePhase` in [0, 0.5]. */
  readonly pctStart: number;
  /** How values change within a phase: along half a cosine, or in a straight line. */
  readonly annealStrategy: 'cos' | 'linear';
  /** Whether momentum changes too, opposite to the rate. */
  readonly cycleMomentum: boolean;
  /** Momentum at the highest rate, in [0, 1). */
  readonly baseMomentum: number;
  /** Momentum at the lowest rate, in [0, 1). */
  readonly maxMomentum: number;
  /** The rate starts at baseLr / divFactor. */
  readonly divFactor: number;
  /** The rate ends at baseLr / divFactor / finalDivFactor. */
  readonly finalDivFactor: number;
  /** Whether the rate falls back to its start in a phase of its own before it falls to the final rate. */
  readonly threePhase: boolean;
}

const MOMENTUM = real({ min: 0, below: 1 });
const DIVISOR = real({ above: 0 });

const SETTINGS: Settings<OneCycleOptions> = {
  totalSteps: { kind: whole(1), help: 'optimizer steps in the whole run' },
  pctStart: {
    kind: real({ min: 0, max: 1 }),
    help: 'fraction of the run in which the rate rises',
    default: 0.3,
  },
  annealStrategy: {
    kind: choice(['cos', 'linear']),
    help: 'along half a cosine, or in a straight line',
    default: 'cos',
  },
  cycleMomentum: { kind: flag(), help: 'whether momentum changes too', default: true },
  baseMomentum: { kind: MOMENTUM, help: 'momentum at the highest rate', default: 0.85 },
  maxMomentum: { kind: MOMENTUM, help: 'momentum at the lowest rate', default: 0.95 },
  divFactor: { kind: DIVISOR, help: 'the highest rate divided by the first', default: 25 },
  finalDivFactor: { kind: DIVISOR, help: 'the first rate divided by the last', default: 1e4 },
  threePhase: { kind: flag(), help: 'whether the rate falls in two phases', default: false },
};

/**
 * One-cycle, per batch. The scheduled rate (`baseLr`) is the highest, PyTorch's `max_lr`. After the last step
 * the final values hold.
 *
 * Defaults: pctStart 0.3, cosine, momentum between 0.85 and 0.95, divFactor 25, finalDivFactor 1e4, two
 * phases.
 * @throws UsageError if an option is out of range.
 */
export function oneCycle(
  given: Partial<OneCycleOptions> & Pick<OneCycleOptions, 'totalSteps'>,
): Schedule<OneCycleOptions> {
  const options = checkSettings('one-cycle', SETTINGS, given);
  const { totalSteps, pctStart, annealStrategy, baseMomentum, maxMomentum, divFactor, finalDivFactor } =
    options;
  if (options.threePhase) checkValue('one-cycle: pctStart', real({ min: 0, max: 0.5 }), pctStart);

  const last = totalSteps - 1;
  const rise = pctStart * totalSteps - 1;
  // Rates at the ends of the phases, as fractions of the highest.
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

export const oneCycleDefinition: ScheduleDefinition = {
  title: 'rises to the learning rate, then falls to almost 0',
  settings: {},
  make: (_, { totalSteps, cycleMomentum }) => oneCycle({ totalSteps, cycleMomentum }),
};
