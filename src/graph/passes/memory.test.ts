import { describe, expect, test } from 'vitest';
import type { Tensor } from '../index.js';
import { add, argMax, input, peakBytes, relu, sum } from '../index.js';

describe('peakBytes', () => {
  const x = input('x', [100]);

  test('of a chain is two values, however long: what is read and what is made', () => {
    let y: Tensor = x;
    for (let i = 0; i < 10; i++) y = relu(y);
    expect(peakBytes({ inputs: [x], outputs: { y } })).toBe(2 * 400);
  });

  test('counts what must be kept for a later reader', () => {
    const kept = relu(x);
    const y = add(relu(relu(relu(kept))), kept);
    expect(peakBytes({ inputs: [x], outputs: { y } })).toBe(3 * 400);
  });

  test('counts results till the end, and bytes by element type', () => {
    const image = input('image', [10, 10]);
    const outputs = { a: relu(image), classes: argMax(image, 0), total: sum(image) };
    expect(peakBytes({ inputs: [image], outputs })).toBe(400 + 80 + 4);
  });
});
