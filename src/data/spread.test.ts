import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spread, spreadOrder } from './spread.js';

describe('spread', () => {
  it('takes the first, the last and what lies evenly between', () => {
    expect(spread(9, 3)).toEqual([0, 4, 8]);
    expect(spread(2, 3)).toEqual([0, 1]);
    expect(spread(5, 1)).toEqual([0]);
    expect(spread(5, 0)).toEqual([]);
    expect(spread(0, 3)).toEqual([]);
  });
});

describe('spreadOrder', () => {
  it('visits everything once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 500 }), (length) => {
        expect([...spreadOrder(length)].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
      }),
    );
  });

  it('leaves no large gap however early one stops', () => {
    for (const length of [100, 377, 1000, 4999]) {
      for (const taken of [10, 21, 50]) {
        const visited = spreadOrder(length)
          .slice(0, taken)
          .sort((a, b) => a - b);
        const gaps = [...visited.slice(1), length].map((value, i) => value - visited[i]!);
        // Even spacing would leave gaps of length / taken.
        expect(Math.max(...gaps), `${taken} of ${length}`).toBeLessThan((3 * length) / taken);
      }
    }
  });
});
