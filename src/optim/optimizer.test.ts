import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import golden from '../../test/golden/optim.json' with { type: 'json' };
import { UsageError } from '../errors/index.js';
import { Random } from '../random/index.js';
import { Adam, AdamW, LAMB, Lion, RMSprop, SGD } from './index.js';
import type { Optimizer, ParameterSlice } from './index.js';

const STEPS = 5;
const A: ParameterSlice = { name: 'a', offset: 0, length: 7 };
const B: ParameterSlice = { name: 'b', offset: 7, length: 12 };
const CLASSES = { SGD, Adam, AdamW, RMSprop, Lion, LAMB };

/** The formulas of test/golden/optim.py. */
function weightsAtStart(): Float32Array {
  return Float32Array.from({ length: 19 }, (_, i) => (((i * 37) % 101) - 50) / 64);
}
function gradientsAt(step: number): Float32Array {
  return Float32Array.from({ length: 19 }, (_, i) => (((i * 53 + step * 29) % 97) - 48) / 32);
}

function make(name: string, options: object, second: object): Optimizer {
  const Class = CLASSES[name as keyof typeof CLASSES];
  return Object.keys(second).length > 0
    ? new Class([{ parameters: [A] }, { parameters: [B], ...second }], options)
    : new Class([A, B], options);
}

function relativeError(actual: Float32Array, expected: readonly number[]): number {
  const difference = Math.hypot(...expected.map((value, i) => value - actual[i]!));
  return difference / Math.hypot(...expected);
}

describe('weights after five steps equal the reference in float64', () => {
  it.each(golden.cases.map((c) => [`${c.optimizer} ${JSON.stringify([c.options, c.second, c.perStep])}`, c]))(
    '%s',
    (_, entry) => {
      const {
        optimizer: name,
        options,
        second,
        perStep,
        weights: expected,
        float32Error,
      } = entry as never as {
        optimizer: string;
        options: object;
        second: object;
        perStep: object[];
        weights: number[][];
        float32Error: number[];
      };
      const optimizer = make(name, options, second);
      const weights = weightsAtStart();
      for (let step = 0; step < STEPS; step++) {
        for (const group of optimizer.groups) Object.assign(group, perStep[step]);
        optimizer.step(weights, gradientsAt(step));
      }
      [A, B].forEach(({ offset, length }, i) => {
        const error = relativeError(weights.subarray(offset, offset + length), expected[i]!);
        expect(error).toBeLessThan(1e-6);
        expect(error).toBeLessThanOrEqual(Math.max(3 * float32Error[i]!, 1e-7));
      });
    },
  );
});

const CONFIGURATIONS: [string, () => Optimizer][] = [
  ['SGD', () => new SGD([A, B], { lr: 0.1 })],
  ['SGD with momentum', () => new SGD([A, B], { lr: 0.1, momentum: 0.9, dampening: 0.1 })],
  [
    'Adam with groups',
    () => new Adam([{ parameters: [B] }, { parameters: [A], lr: 0.1, betas: [0.8, 0.9] }], { lr: 0.01 }),
  ],
  ['AdamW', () => new AdamW([A, B], { weightDecay: 0.1 })],
  ['RMSprop', () => new RMSprop([A, B], { centered: true, momentum: 0.9 })],
  ['Lion', () => new Lion([A, B], { lr: 0.01, weightDecay: 0.1 })],
  ['LAMB', () => new LAMB([A, B], { lr: 0.01 })],
];

describe('state', () => {
  it.each(CONFIGURATIONS)('%s resumes bit for bit from any step', (_, create) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 6 }), fc.integer(), (stopAt, seed) => {
        const random = new Random(seed, 'gradients');
        const gradients = Array.from({ length: 7 }, () =>
          Float32Array.from({ length: 19 }, () => random.normal()),
        );
        const straight = weightsAtStart();
        const resumed = weightsAtStart();
        const one = create();
        let other = create();
        gradients.forEach((g, step) => {
          if (step === stopAt) {
            const { moments, ...rest } = structuredClone(other.state());
            other = create();
            other.loadState({ ...(JSON.parse(JSON.stringify(rest)) as typeof rest), moments });
          }
          for (const optimizer of [one, other]) {
            // As a schedule would: rates and momenta that are not the ones given at first.
            optimizer.groups[0]!.lr *= 1.3;
            if (step === 2) optimizer.setMomentum(0.7);
          }
          one.step(straight, g);
          other.step(resumed, g);
        });
        expect(new Uint32Array(resumed.buffer)).toEqual(new Uint32Array(straight.buffer));
        expect(other.state()).toEqual(one.state());
      }),
      { numRuns: 20 },
    );
  });

  it('names moments after parameters and counts steps', () => {
    const adam = new Adam([A, B]);
    expect(adam.state().moments).toEqual({});
    adam.step(weightsAtStart(), gradientsAt(0));
    const { type, groups, moments } = adam.state();
    expect(type).toBe('Adam');
    expect(groups).toEqual([
      {
        step: 1,
        options: { initialLr: 1e-3, lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 },
        parameters: ['a', 'b'],
        moments: ['exp_avg', 'exp_avg_sq'],
      },
    ]);
    expect(Object.keys(moments)).toEqual(['exp_avg/a', 'exp_avg/b', 'exp_avg_sq/a', 'exp_avg_sq/b']);
    expect(moments['exp_avg/b']).toHaveLength(B.length);
  });

  it('refuses a state that does not fit, and stays as it was', () => {
    const saved = new Adam([A, B]);
    saved.step(weightsAtStart(), gradientsAt(0));
    const state = saved.state();
    const incomplete = Object.fromEntries(
      Object.entries(state.moments).filter(([name]) => name !== 'exp_avg/b'),
    );
    expect(() => new AdamW([A, B]).loadState(state)).toThrow(/it is of Adam\. Resume with/);
    expect(() => new Adam([A]).loadState(state)).toThrow(/group 0 differs at parameter "b"/);
    expect(() => new Adam([A, B, { ...A, name: 'c' }]).loadState(state)).toThrow(/parameter "c"/);
    expect(() => new Adam([{ parameters: [A] }, { parameters: [B] }]).loadState(state)).toThrow(
      /it has 1 parameter groups, here are 2/,
    );
    expect(() => new Adam([A, { ...B, length: 11 }]).loadState(state)).toThrow(
      /"exp_avg\/b" has 12 values, the parameter has 11/,
    );
    const fresh = new Adam([A, B]);
    expect(() => fresh.loadState({ ...state, moments: incomplete })).toThrow(/"exp_avg\/b" is missing/);
    expect(fresh.state().groups[0]!.step).toBe(0);
  });
});

describe('groups', () => {
  it('leaves weights alone that are in no group, and takes them on when they are unfrozen', () => {
    const optimizer = new Adam([A], { lr: 0.01 });
    const weights = weightsAtStart();
    optimizer.step(weights, gradientsAt(0));
    expect(weights.subarray(B.offset)).toEqual(weightsAtStart().subarray(B.offset));
    optimizer.addGroup([B], { lr: 0.001 });
    optimizer.step(weights, gradientsAt(1));
    expect(optimizer.state().groups.map(({ step }) => step)).toEqual([2, 1]);
    // Adam's first step is lr · sign(g) wherever the gradient is far above eps.
    const moved = weights[B.offset]! - weightsAtStart()[B.offset]!;
    expect(moved).toBeCloseTo(-0.001 * Math.sign(gradientsAt(1)[B.offset]!), 7);
  });

  it('follows parameters whose offsets were moved', () => {
    const straight = new Adam([A, B]);
    const moved = new Adam([A, B]);
    const weights = weightsAtStart();
    const swap = (flat: Float32Array) => Float32Array.of(...flat.subarray(7), ...flat.subarray(0, 7));
    straight.step(weights, gradientsAt(0));
    straight.step(weights, gradientsAt(1));
    let other = weightsAtStart();
    moved.step(other, gradientsAt(0));
    moved.groups[0]!.parameters = [
      { ...A, offset: 12 },
      { ...B, offset: 0 },
    ];
    other = swap(other);
    moved.step(other, swap(gradientsAt(1)));
    expect(other).toEqual(swap(weights));
  });

  it('refuses parameters that come twice, lie outside, or have no place', () => {
    expect(() => new SGD([A, A])).toThrow(/"a" is in two groups/);
    expect(() => new SGD([{ ...A, offset: -1 }])).toThrow(/offset -1/);
    const optimizer = new SGD([A, B]);
    expect(() => optimizer.step(new Float32Array(18), new Float32Array(18))).toThrow(/"b" ends at 19/);
    expect(() => optimizer.step(new Float32Array(19), new Float32Array(18))).toThrow(/one layout/);
  });
});

describe('options', () => {
  it.each<[() => Optimizer, string]>([
    [() => new SGD([A], { lr: -1 }), 'SGD: lr must be a number of at least 0; got -1.'],
    [() => new SGD([A], { momentum: 1.1 }), 'SGD: momentum must be a number from 0 to 1; got 1.1.'],
    [() => new SGD([A], { nesterov: true }), 'nesterov needs momentum above 0 and dampening 0'],
    [
      () => new Adam([A], { betas: [0.9, 1] }),
      'Adam: betas must be two numbers separated by a comma, each a number from 0 to below 1; got [0.9,1].',
    ],
    [
      () => new AdamW([A], { weightDecay: Infinity }),
      'AdamW: weightDecay must be a number of at least 0; got Infinity.',
    ],
    [() => new AdamW([A], { eps: NaN }), 'AdamW: eps must be a number of at least 0; got NaN.'],
    [() => new RMSprop([A], { alpha: 2 }), 'RMSprop: alpha must be a number from 0 to 1; got 2.'],
    [
      () => new RMSprop([{ parameters: [A], lr: NaN }]),
      'RMSprop: lr must be a number of at least 0; got NaN.',
    ],
  ])('%# are checked: the message states the range', (create, message) => {
    expect(create).toThrow(UsageError);
    expect(create).toThrow(message);
  });

  it('are checked again before each step, before anything changes', () => {
    const optimizer = new SGD([{ parameters: [A] }, { parameters: [B] }]);
    optimizer.groups[1]!.lr = NaN;
    const weights = weightsAtStart();
    expect(() => optimizer.step(weights, gradientsAt(0))).toThrow(/lr must be/);
    expect(weights).toEqual(weightsAtStart());
  });

  it('centred RMSprop survives a variance that rounds below zero', () => {
    const optimizer = new RMSprop([{ name: 'w', offset: 0, length: 1 }], { centered: true, alpha: 0.5 });
    const weights = Float32Array.of(1);
    for (let step = 0; step < 200; step++) optimizer.step(weights, Float32Array.of(0.3));
    expect(weights[0]).not.toBeNaN();
  });
});
