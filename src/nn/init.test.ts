import { describe, expect, it } from 'vitest';
import type { Shape } from '../graph/index.js';
import { Random } from '../random/index.js';
import {
  BatchNorm2d,
  constantInit,
  Conv2d,
  ConvTranspose2d,
  glorotUniform,
  heNormal,
  Linear,
  torchDefault,
} from './index.js';
import type { Initializer, Parameter } from './index.js';

function drawn(initializer: Initializer, shape: Shape) {
  const values = initializer(shape, new Random(7, 'init'));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { values, mean, deviation: Math.sqrt(variance), largest: Math.max(...values.map(Math.abs)) };
}

/** 36,864 values: means and deviations are right to a percent or so. */
const SHAPE: Shape = [64, 64, 3, 3];

describe('initialisers', () => {
  it('heNormal is normal with deviation √(2 / fanIn)', () => {
    const { values, mean, deviation } = drawn(heNormal, SHAPE);
    const wanted = Math.sqrt(2 / (64 * 9));
    expect(Math.abs(mean)).toBeLessThan(0.02 * wanted);
    expect(Math.abs(deviation / wanted - 1)).toBeLessThan(0.02);
    // Of a normal distribution 68.3% lie within one deviation.
    const within = values.filter((value) => Math.abs(value) < wanted).length / values.length;
    expect(Math.abs(within - 0.683)).toBeLessThan(0.01);
  });

  it.each([
    ['torchDefault', torchDefault(64 * 9), 1 / Math.sqrt(64 * 9)],
    ['glorotUniform', glorotUniform, Math.sqrt(6 / (2 * 64 * 9))],
  ])('%s is uniform within its bound', (_, initializer, bound) => {
    const { mean, deviation, largest } = drawn(initializer, SHAPE);
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.999 * bound);
    expect(Math.abs(mean)).toBeLessThan(0.02 * bound);
    expect(Math.abs((deviation * Math.sqrt(3)) / bound - 1)).toBeLessThan(0.02);
  });

  it('constantInit is constant', () => {
    expect([...drawn(constantInit(2), [2, 2]).values]).toEqual([2, 2, 2, 2]);
  });
});

describe('layers begin as PyTorch’s', () => {
  const bound = (parameter: Parameter) => drawn(parameter.initializer, parameter.shape).largest;
  const near = (value: number, wanted: number) => expect(value / wanted).toBeCloseTo(1, 1);

  it.each([
    // PyTorch's fan in is the product of all axes of the weight but the first.
    ['Conv2d', new Conv2d(32, 64, 3), 32 * 9],
    ['Conv2d in groups', new Conv2d(32, 64, 3, { groups: 4 }), 8 * 9],
    ['ConvTranspose2d', new ConvTranspose2d(64, 32, 2), 32 * 4],
    ['Linear', new Linear(200, 100), 200],
  ])('%s', (_, layer, fanIn) => {
    near(bound(layer.weight), 1 / Math.sqrt(fanIn));
    near(bound(layer.bias!), 1 / Math.sqrt(fanIn));
  });

  it('BatchNorm2d', () => {
    const norm = new BatchNorm2d(3);
    const of = (leaf: { initializer: Initializer; shape: Shape }) => [
      ...leaf.initializer(leaf.shape, new Random(1)),
    ];
    expect([norm.weight, norm.bias, norm.running_mean, norm.running_var].map(of)).toEqual([
      [1, 1, 1],
      [0, 0, 0],
      [0, 0, 0],
      [1, 1, 1],
    ]);
  });
});
