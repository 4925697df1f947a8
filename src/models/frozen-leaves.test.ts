import { expect, it } from 'vitest';
import { BatchNorm2d, Sequential } from '../nn/index.js';
import { frozenLeaves } from './frozen-leaves.js';

it('finds the weights and buffers that training does not change', () => {
  const model = new Sequential(new BatchNorm2d(2), new BatchNorm2d(2).freeze()).eval();
  expect([...frozenLeaves(model)].map(({ name }) => name).sort()).toEqual([
    '1.bias',
    '1.running_mean',
    '1.running_var',
    '1.weight',
  ]);
  expect(model.training).toBe(false);
});
