import { describe, expect, it } from 'vitest';
import { classRows, withRows } from './class-rows.js';

const tensor = (shape: number[], data: number[]) => ({ name: 'head', shape, data: Float32Array.from(data) });
const softmax = (logits: readonly number[]) => {
  const powers = logits.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
};

describe('withRows', () => {
  it('moves rows with their classes, and starts new ones at the mean', () => {
    const rows = classRows(['background', 'cell', 'debris'], ['background', 'artefact', 'debris', 'cell']);
    const moved = withRows(tensor([3, 2, 1, 1], [1, 2, 3, 4, 5, 9]), [4, 2, 1, 1], rows);
    expect([...moved!]).toEqual([1, 2, 3, 5, 5, 9, 3, 4]);
  });

  it('keeps probabilities between one logit and two classes of a softmax', () => {
    const [z] = [1.7];
    const two = ['background', 'cell'];
    const three = [...withRows(tensor([1], [z]), [3], classRows(two, [...two, 'debris']))!];
    expect(softmax(three.slice(0, 2))[1]).toBeCloseTo(1 / (1 + Math.exp(-z)), 6);
    expect(three[2]).toBeLessThan(three[1]!);
    const one = withRows(tensor([3], [0.5, -1, 2]), [1], classRows([...two, 'debris'], two));
    expect([...one!]).toEqual([-1.5]);
  });

  it('moves nothing where the classes are the same, or more than the classes differs', () => {
    const same = classRows(['a', 'b', 'c'], ['a', 'b', 'c']);
    expect(withRows(tensor([3], [1, 2, 3]), [3], same)).toBeUndefined();
    const other = classRows(['a', 'b', 'c'], ['a', 'c', 'b']);
    expect([...withRows(tensor([3], [1, 2, 3]), [3], other)!]).toEqual([1, 3, 2]);
    expect(withRows(tensor([3, 4], new Array<number>(12).fill(0)), [3, 5], other)).toBeUndefined();
  });
});
