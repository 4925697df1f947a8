import { expect, it } from 'vitest';
import { hasFoldedNorms } from './folded-norms.js';

const tensor = (name: string, ...values: number[]) => ({
  name,
  shape: [values.length],
  data: Float32Array.from(values),
});

it('tells norms that do nothing', () => {
  const idle = [tensor('a.running_mean', 0, 0), tensor('a.running_var', 1, 1 - 1e-5), tensor('b.weight', 3)];
  expect(hasFoldedNorms(idle)).toBe(true);
  expect(hasFoldedNorms([...idle, tensor('c.running_mean', 0, 0.2)])).toBe(false);
  expect(hasFoldedNorms([...idle, tensor('c.running_var', 1, 2)])).toBe(false);
  expect(hasFoldedNorms([tensor('b.weight', 3)])).toBe(false);
});
