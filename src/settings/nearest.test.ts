import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { didYouMean, editDistance, nearest } from './nearest.js';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['epochs', 'epochs', 0],
    ['epoch', 'epochs', 1],
    ['epcohs', 'epochs', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
  ])('%s to %s is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it('is symmetric, and 0 for equal words alone', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
      }),
    );
  });
});

describe('nearest', () => {
  it('finds what was meant, and nothing where nothing is near', () => {
    expect(nearest('adamW', ['sgd', 'adam', 'adamw'])).toBe('adamw');
    expect(nearest('lion', ['sgd', 'adam', 'adamw'])).toBeUndefined();
    expect(nearest('x', [])).toBeUndefined();
    expect(didYouMean('cosin', ['cosine', 'constant'])).toBe(' Did you mean "cosine"?');
    expect(didYouMean('zzz', ['cosine'])).toBe('');
  });
});
