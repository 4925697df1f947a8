import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import golden from '../../test/golden/optim.json' with { type: 'json' };
import { UsageError } from '../errors/index.js';
import { Random } from '../random/index.js';
import { Adam, AdamW, groupByName, LAMB, Lion, OPTIMIZERS, optimizerFactory, RMSprop, SGD } from './index.js';
import { DeviceArray } from '../runtime/index.js';
import type { Optimizer, TrainedWeight } from './index.js';

const STEPS = 5;
const LENGTHS = { a: 7, b: 12 };
const CLASSES = { SGD, Adam, AdamW, RMSprop, Lion, LAMB };

/** The formulas of test/golden/optim.py. */
function weightsAtStart(): Float32Array {
  return Float32Array.from({ length: 19 }, (_, i) => (((i * 37) % 101) - 50) / 64);
}
function gradientsAt(step: number): Float32Array {
  return Float32Array.from({ length: 19 }, (_, i) => (((i * 53 + step * 29) % 97) - 48) / 32);
}

/** Two weights, `a` and `b`, with the values that the golden ones start from. */
class Trained {
  readonly a: TrainedWeight;
  readonly b: TrainedWeight;

  constructor() {
    const values = weightsAtStart();
    const trained = (name: string, from: number, to: number) => ({
      name,
      weight: DeviceArray.from(name, values.subarray(from, to)),
      gradient: new DeviceArray(`the gradient of ${name}`, [to - from]),
    });
    this.a = trained('a', 0, LENGTHS.a);
    this.b = trained('b', LENGTHS.a, LENGTHS.a + LENGTHS.b);
  }

  get both(): TrainedWeight[] {
    return [this.a, this.b];
  }

  get weights(): Float32Array {
    return Float32Array.of(...this.a.weight.values, ...this.b.weight.values);
  }

  async step(optimizer: Optimizer, gradients: Float32Array): Promise<void> {
    this.a.gradient.set(gradients.subarray(0, LENGTHS.a));
    this.b.gradient.set(gradients.subarray(LENGTHS.a));
    await optimizer.step();
  }
}

function make({ a, b, both }: Trained, name: string, options: object, second: object): Optimizer {
  const Class = CLASSES[name as keyof typeof CLASSES];
  return Object.keys(second).length > 0
    ? new Class([{ parameters: [a] }, { parameters: [b], ...second }], options)
    : new Class(both, options);
}

function relativeError(actual: Float32Array, expected: readonly number[]): number {
  const difference = Math.hypot(...expected.map((value, i) => value - actual[i]!));
  return difference / Math.hypot(...expected);
}

describe('weights after five steps equal the reference in float64', () => {
  it.each(golden.cases.map((c) => [`${c.optimizer} ${JSON.stringify([c.options, c.second, c.perStep])}`, c]))(
    '%s',
    async (_, entry) => {
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
      const trained = new Trained();
      const optimizer = make(trained, name, options, second);
      for (let step = 0; step < STEPS; step++) {
        for (const group of optimizer.groups) Object.assign(group, perStep[step]);
        await trained.step(optimizer, gradientsAt(step));
      }
      trained.both.forEach(({ weight }, i) => {
        const error = relativeError(weight.values, expected[i]!);
        expect(error).toBeLessThan(1e-6);
        expect(error).toBeLessThanOrEqual(Math.max(3 * float32Error[i]!, 1e-7));
      });
    },
  );
});

const CONFIGURATIONS: [string, (trained: Trained) => Optimizer][] = [
  ['SGD', ({ both }) => new SGD(both, { lr: 0.1 })],
  ['SGD with momentum', ({ both }) => new SGD(both, { lr: 0.1, momentum: 0.9, dampening: 0.1 })],
  [
    'Adam with groups',
    ({ a, b }) =>
      new Adam([{ parameters: [b] }, { parameters: [a], lr: 0.1, betas: [0.8, 0.9] }], { lr: 0.01 }),
  ],
  ['AdamW', ({ both }) => new AdamW(both, { weightDecay: 0.1 })],
  ['RMSprop', ({ both }) => new RMSprop(both, { centered: true, momentum: 0.9 })],
  ['Lion', ({ both }) => new Lion(both, { lr: 0.01, weightDecay: 0.1 })],
  ['LAMB', ({ both }) => new LAMB(both, { lr: 0.01 })],
];

describe('state', () => {
  it.each(CONFIGURATIONS)('%s resumes bit for bit from any step', async (_, create) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 6 }), fc.integer(), async (stopAt, seed) => {
        const random = new Random(seed, 'gradients');
        const straight = new Trained();
        const resumed = new Trained();
        const one = create(straight);
        let other = create(resumed);
        for (let step = 0; step < 7; step++) {
          if (step === stopAt) {
            const { moments, ...rest } = structuredClone(other.state());
            other = create(resumed);
            other.loadState({ ...(JSON.parse(JSON.stringify(rest)) as typeof rest), moments });
          }
          for (const optimizer of [one, other]) {
            // As a schedule would: rates and momenta that are not the ones given at first.
            optimizer.groups[0]!.lr *= 1.3;
            if (step === 2) optimizer.setMomentum(0.7);
          }
          const gradients = Float32Array.from({ length: 19 }, () => random.normal());
          await straight.step(one, gradients);
          await resumed.step(other, gradients);
        }
        expect(new Uint32Array(resumed.weights.buffer)).toEqual(new Uint32Array(straight.weights.buffer));
        expect(other.state()).toEqual(one.state());
      }),
      { numRuns: 20 },
    );
  });

  it('names moments after parameters and counts steps', async () => {
    const trained = new Trained();
    const adam = new Adam(trained.both);
    expect(adam.state().moments).toEqual({});
    await trained.step(adam, gradientsAt(0));
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
    expect(moments['exp_avg/b']).toHaveLength(LENGTHS.b);
  });

  it('refuses a state that does not fit, and stays as it was', async () => {
    const trained = new Trained();
    const { a, b, both } = trained;
    const saved = new Adam(both);
    await trained.step(saved, gradientsAt(0));
    const state = saved.state();
    const incomplete = Object.fromEntries(
      Object.entries(state.moments).filter(([name]) => name !== 'exp_avg/b'),
    );
    const shorter = (name: string, length: number): TrainedWeight => ({
      name,
      weight: new DeviceArray(name, [length]),
      gradient: new DeviceArray(name, [length]),
    });
    expect(() => new AdamW(both).loadState(state)).toThrow(/it is of Adam\. Resume with/);
    expect(() => new Adam([a]).loadState(state)).toThrow(/group 0 differs at parameter "b"/);
    expect(() => new Adam([...both, shorter('c', 7)]).loadState(state)).toThrow(/parameter "c"/);
    expect(() => new Adam([{ parameters: [a] }, { parameters: [b] }]).loadState(state)).toThrow(
      /it has 1 parameter groups, here are 2/,
    );
    expect(() => new Adam([a, shorter('b', 11)]).loadState(state)).toThrow(
      /"exp_avg\/b" has 12 values, the parameter has 11/,
    );
    const fresh = new Adam(both);
    expect(() => fresh.loadState({ ...state, moments: incomplete })).toThrow(/"exp_avg\/b" is missing/);
    expect(fresh.state().groups[0]!.step).toBe(0);
  });

  it('is as before a step that failed', async () => {
    const trained = new Trained();
    const sgd = new SGD(trained.both, { momentum: 0.9, dampening: 0.5 });
    await expect(sgd.step(() => Promise.reject(new Error('the device is lost')))).rejects.toThrow('lost');
    expect(sgd.state()).toEqual(new SGD(trained.both, { momentum: 0.9, dampening: 0.5 }).state());
  });
});

describe('groups', () => {
  it('leave weights alone that are in no group, and take them on when they are unfrozen', async () => {
    const trained = new Trained();
    const optimizer = new Adam([trained.a], { lr: 0.01 });
    await trained.step(optimizer, gradientsAt(0));
    expect(trained.b.weight.values).toEqual(weightsAtStart().subarray(LENGTHS.a));
    optimizer.addGroup([trained.b], { lr: 0.001 });
    await trained.step(optimizer, gradientsAt(1));
    expect(optimizer.state().groups.map(({ step }) => step)).toEqual([2, 1]);
    // Adam's first step is lr · sign(g) wherever the gradient is far above eps.
    const moved = trained.b.weight.values[0]! - weightsAtStart()[LENGTHS.a]!;
    expect(moved).toBeCloseTo(-0.001 * Math.sign(gradientsAt(1)[LENGTHS.a]!), 7);
  });

  it('refuse a parameter that comes twice, or whose gradient has another shape', () => {
    const { a, b } = new Trained();
    expect(() => new SGD([a, a])).toThrow(/"a" is in two groups/);
    expect(() => new SGD([{ ...a, gradient: b.gradient }])).toThrow(/"a" is 7, its gradient 12/);
    expect(() => new SGD([a, { parameters: [b] }] as TrainedWeight[])).toThrow(/not a mixture/);
  });

  it('are made by name', () => {
    const { both } = new Trained();
    const named = both.map((parameter, i) => ({ ...parameter, name: ['encoder.conv', 'head.conv'][i]! }));
    const optimizer = optimizerFactory('adam', { lr: 1e-2 }, [{ match: 'encoder.', lr: 1e-4 }])(named);
    expect(optimizer.groups.map(({ lr, parameters }) => [lr, parameters.map(({ name }) => name)])).toEqual([
      [1e-2, ['head.conv']],
      [1e-4, ['encoder.conv']],
    ]);
    expect(() => groupByName(named, [{ match: 'decoder.' }])).toThrow(
      /no trained weight belongs to the parameter group "decoder\."; names start with encoder\., head\./,
    );
  });
});

describe('the registry', () => {
  it.each(Object.entries(OPTIMIZERS))('makes %s with the defaults of train', (name, { definition }) => {
    const optimizer = optimizerFactory(name)(new Trained().both);
    expect(optimizer.type).toBe(definition.type);
    expect(optimizer.groups[0]).toMatchObject(definition.trainDefaults ?? {});
  });

  it('checks names and options at once', () => {
    expect(() => optimizerFactory('lamp')).toThrow(/no optimizer "lamp".*Did you mean "lamb"\?/s);
    expect(() => optimizerFactory('sgd', { betas: [0.9, 0.9] })).toThrow(/SGD has no option "betas"/);
    expect(() => optimizerFactory('lion', { lr: -1 })).toThrow('Lion: lr must be a number of at least 0');
  });
});

const { a: A, b: B } = new Trained();

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

  it('are checked again before each step, before anything changes', async () => {
    const optimizer = new SGD([{ parameters: [A] }, { parameters: [B] }]);
    optimizer.groups[1]!.lr = NaN;
    await expect(optimizer.step()).rejects.toThrow(/lr must be/);
    expect(A.weight.values).toEqual(weightsAtStart().subarray(0, LENGTHS.a));
  });

  it('centred RMSprop survives a variance that rounds below zero', async () => {
    const weight = DeviceArray.from('w', [1]);
    const gradient = DeviceArray.from('g', [0.3]);
    const optimizer = new RMSprop([{ name: 'w', weight, gradient }], { centered: true, alpha: 0.5 });
    for (let step = 0; step < 200; step++) await optimizer.step();
    expect(weight.values[0]).not.toBeNaN();
  });
});
