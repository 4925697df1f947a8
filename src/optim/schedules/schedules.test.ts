import { DeviceArray } from '../../runtime/index.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import golden from '../../../test/golden/schedules.json' with { type: 'json' };
import { UsageError } from '../../errors/index.js';
import { Adam } from '../adam.js';
import { SGD } from '../sgd.js';
import {
  applySchedule,
  constant,
  cosine,
  makeNamedSchedule,
  multiStepDecay,
  oneCycle,
  polynomial,
  rangeTest,
  ReduceOnPlateau,
  SCHEDULES,
  stepDecay,
} from './index.js';
import type { Schedule } from './index.js';

/** One entry of test/golden/schedules.json. */
interface Case {
  type: string;
  options: object;
  /** Rates of two groups, by step. */
  lr: [number[], number[]];
  momentum?: number[];
  /** Scores shown to the plateau schedule, one after each epoch. */
  scores?: number[];
}

const BASE_RATES = [0.1, 0.004];
const FACTORIES: Record<string, (options: never) => Schedule> = {
  'one-cycle': oneCycle,
  step: stepDecay,
  'multi-step': multiStepDecay,
  cosine,
  poly: polynomial,
  constant,
  plateau: (options) => new ReduceOnPlateau(options),
};

describe('whole runs equal PyTorch', () => {
  const cases = golden as unknown as Case[];
  it.each(cases.map((c): [string, Case] => [`${c.type} ${JSON.stringify(c.options)}`, c]))(
    '%s',
    (_, { type, options, lr, momentum, scores }) => {
      const schedule = FACTORIES[type]!(options as never);
      expect(schedule.type).toBe(type);
      expect(schedule.options).toMatchObject(options);
      lr[0].forEach((__, step) => {
        BASE_RATES.forEach((base, group) => {
          const point = schedule.at(step, base);
          const expected = lr[group]![step]!;
          expect(Math.abs(point.lr - expected)).toBeLessThanOrEqual(1e-6 * Math.abs(expected) + 1e-12);
          if (momentum) expect(point.momentum).toBeCloseTo(momentum[step]!, 8);
          else expect(point.momentum).toBeUndefined();
        });
        if (scores && step < scores.length) (schedule as ReduceOnPlateau).observe(scores[step]!);
      });
    },
  );

  it('with rates that do change', () => {
    for (const { type, lr } of cases) {
      if (type !== 'constant') expect(new Set(lr[0]).size).toBeGreaterThan(1);
    }
  });
});

describe('one-cycle', () => {
  it('stays between its ends, and holds the final values once it is over', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.boolean(),
        fc.constantFrom('cos' as const, 'linear' as const),
        (totalSteps, pctStart, threePhase, annealStrategy) => {
          const schedule = oneCycle({ totalSteps, pctStart, threePhase, annealStrategy });
          const steps = Array.from({ length: totalSteps + 3 }, (_, step) => schedule.at(step));
          const [rates, momenta] = [steps.map(({ lr }) => lr), steps.map(({ momentum }) => momentum!)];
          expect(Math.min(...rates)).toBeGreaterThanOrEqual((1 / 25 / 1e4) * (1 - 1e-6));
          expect(Math.max(...rates)).toBeLessThanOrEqual(1 + 1e-9);
          expect(Math.min(...momenta)).toBeGreaterThanOrEqual(0.85 - 1e-9);
          expect(Math.max(...momenta)).toBeLessThanOrEqual(0.95 + 1e-9);
          expect(schedule.at(totalSteps + 2)).toEqual(schedule.at(totalSteps - 1));
        },
      ),
    );
  });
});

describe('cosine', () => {
  it('without restarts holds the least rate after its period', () => {
    const schedule = cosine({ period: 10, minLr: 0.01 });
    expect(schedule.at(10, 1).lr).toBeCloseTo(0.01, 12);
    expect(schedule.at(25, 1).lr).toBeCloseTo(0.01, 12);
  });
});

describe('range test', () => {
  it('multiplies by one factor from the first rate to the last, whatever the group', () => {
    const schedule = rangeTest({ startLr: 1e-6, endLr: 1, totalSteps: 7 });
    for (let step = 0; step < 7; step++) expect(schedule.at(step, 42).lr).toBeCloseTo(10 ** (step - 6), 12);
    expect(schedule.at(9).lr).toBe(1);
  });
});

describe('reduce on plateau', () => {
  it('resumes exactly from its state', () => {
    const options = { patience: 1, cooldown: 1, factor: 0.5 };
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(1, 0.9, 0.8, NaN, Infinity), { maxLength: 30 }),
        fc.nat(30),
        (scores, stopAt) => {
          const straight = new ReduceOnPlateau(options);
          let resumed = new ReduceOnPlateau(options);
          scores.forEach((score, epoch) => {
            if (epoch === stopAt) {
              const state = JSON.parse(JSON.stringify(resumed.state())) as ReturnType<typeof resumed.state>;
              resumed = new ReduceOnPlateau(options);
              resumed.loadState(state);
            }
            expect(resumed.observe(score)).toBe(straight.observe(score));
            expect(resumed.at(epoch, 0.1)).toEqual(straight.at(epoch, 0.1));
          });
          expect(resumed.state()).toEqual(straight.state());
        },
      ),
    );
  });

  it('counts a score that is not a number as no improvement', () => {
    const schedule = new ReduceOnPlateau({ patience: 1 });
    expect([NaN, NaN].map((score) => schedule.observe(score))).toEqual([false, true]);
    expect(schedule.at(0, 1).lr).toBeCloseTo(0.1, 12);
  });

  it('refuses a state that is damaged', () => {
    const schedule = new ReduceOnPlateau();
    expect(() => schedule.loadState({ ...schedule.state(), badEpochs: -1 })).toThrow(/damaged/);
  });
});

describe('applySchedule', () => {
  const trained = (name: string) => ({
    name,
    weight: new DeviceArray(name, [1]),
    gradient: new DeviceArray(name, [1]),
  });
  const [a, b] = [trained('a'), trained('b')];

  it('scales each group by its own rate, and drives momentum', () => {
    const optimizer = new SGD([{ parameters: [a] }, { parameters: [b], lr: 0.01 }], { lr: 1, momentum: 0.9 });
    const schedule = oneCycle({ totalSteps: 100, divFactor: 10 });
    applySchedule(schedule, 0, optimizer);
    expect(optimizer.groups.map(({ lr }) => lr)).toEqual([0.1, 0.001]);
    expect(optimizer.groups.map(({ momentum }) => momentum)).toEqual([0.95, 0.95]);
    applySchedule(schedule, 29, optimizer);
    expect(optimizer.groups.map(({ lr }) => lr)).toEqual([1, 0.01]);
    expect(optimizer.groups[0]!.momentum).toBeCloseTo(0.85, 12);
  });

  it("drives Adam's first beta", () => {
    const optimizer = new Adam([a]);
    applySchedule(oneCycle({ totalSteps: 10 }), 0, optimizer);
    expect(optimizer.groups[0]!.betas).toEqual([0.95, 0.999]);
    applySchedule(constant(), 0, optimizer);
    expect(optimizer.groups[0]).toMatchObject({ lr: 1e-3, betas: [0.95, 0.999] });
  });

  it('goes on from a resumed state as if never stopped', () => {
    const schedule = polynomial({ totalSteps: 10 });
    const optimizer = new SGD([a], { lr: 0.2 });
    applySchedule(schedule, 5, optimizer);
    const resumed = new SGD([a], { lr: 0.2 });
    resumed.loadState(optimizer.state());
    expect(resumed.groups[0]!.lr).toBe(0.1);
    applySchedule(schedule, 6, resumed);
    expect(resumed.groups[0]!.lr).toBeCloseTo(0.08, 12);
  });
});

describe('options', () => {
  it.each<[() => unknown, string]>([
    [() => oneCycle({ totalSteps: 0 }), 'one-cycle: totalSteps must be a whole number of at least 1; got 0.'],
    [
      () => oneCycle({ totalSteps: 9, pctStart: 1.5 }),
      'one-cycle: pctStart must be a number from 0 to 1; got 1.5.',
    ],
    [
      () => oneCycle({ totalSteps: 9, pctStart: 0.6, threePhase: true }),
      'pctStart must be a number from 0 to 0.5; got 0.6.',
    ],
    [
      () => oneCycle({ totalSteps: 9, annealStrategy: 'exp' as 'cos' }),
      'annealStrategy must be cos or linear; got "exp".',
    ],
    [() => stepDecay({ stepSize: 0 }), 'step: stepSize must be a whole number of at least 1; got 0.'],
    [() => stepDecay({ stepSize: 1, gamma: 0 }), 'step: gamma must be a number above 0; got 0.'],
    [() => multiStepDecay({ milestones: [5, 2] }), 'multi-step: milestones must ascend; got 5, 2.'],
    [() => multiStepDecay({ milestones: [1.5] }), 'each a whole number of at least 0; got [1.5].'],
    [() => cosine({ period: 0 }), 'cosine: period must be a whole number of at least 1; got 0.'],
    [
      () => cosine({ period: 5, periodFactor: 0 }),
      'periodFactor must be a whole number of at least 1; got 0.',
    ],
    [() => polynomial({ totalSteps: 5, power: -1 }), 'poly: power must be a number above 0; got -1.'],
    [() => rangeTest({ startLr: 0 }), 'range-test: startLr must be a number above 0; got 0.'],
    [() => constant({ factor: 2 }), 'constant: factor must be a number above 0 and up to 1; got 2.'],
    [
      () => new ReduceOnPlateau({ factor: 1 }),
      'plateau: factor must be a number above 0 and below 1; got 1.',
    ],
    [() => new ReduceOnPlateau({ mode: 'least' as 'min' }), 'plateau: mode must be min or max; got "least".'],
    [() => constant().at(-1), 'constant: step must be a whole number of at least 0; got -1.'],
  ])('%# are checked: the message states the range', (create, message) => {
    expect(create).toThrow(UsageError);
    expect(create).toThrow(message);
  });

  it('are plain data that make the same schedule again', () => {
    const schedule = cosine({ period: 9, warmup: undefined, restarts: true });
    const again = cosine(JSON.parse(JSON.stringify(schedule.options)) as typeof schedule.options);
    for (let step = 0; step < 20; step++) expect(again.at(step)).toEqual(schedule.at(step));
  });
});

describe('the registry', () => {
  const run = { totalSteps: 40, epochs: 10, stepsPerEpoch: 4, cycleMomentum: false };

  it('makes schedules from settings in epochs', () => {
    const lr = (name: string, options: object, step: number) =>
      makeNamedSchedule(name, options as Record<string, unknown>, run).at(step).lr;
    expect(lr('step', {}, 3)).toBeCloseTo(0.1, 12);
    expect(lr('step', { stepEpochs: 2, stepFactor: 0.5 }, 4)).toBe(0.25);
    expect(lr('multi-step', { milestones: [2, 5] }, 5)).toBeCloseTo(0.01, 12);
    expect(lr('cosine', { warmupEpochs: 1 }, 2)).toBeCloseTo(2 / 3, 12);
    expect(lr('poly', {}, 20)).toBe(0.5);
    expect(lr('constant', {}, 39)).toBe(1);
    expect(makeNamedSchedule('one-cycle', {}, run).at(0).momentum).toBeUndefined();
    expect(makeNamedSchedule('plateau', {}, run).interval).toBe('epoch');
    expect(Object.keys(SCHEDULES)).toHaveLength(7);
  });

  it('checks names, options and the length of the run', () => {
    expect(() => makeNamedSchedule('cosin', {}, run)).toThrow(/Did you mean "cosine"\?/);
    expect(() => makeNamedSchedule('poly', { restarts: 2 }, run)).toThrow(/poly has no option "restarts"/);
    expect(() => makeNamedSchedule('multi-step', {}, run)).toThrow(/multi-step needs the option milestones/);
    expect(() => makeNamedSchedule('cosine', { warmupEpochs: 10 }, run)).toThrow(
      /The run of 40 steps is too short/,
    );
  });
});
