import fc from 'fast-check';
import { expect, it } from 'vitest';
import { foldsOf } from './folds.js';

const ids = (n: number) => Array.from({ length: n }, (_, i) => `s${i}`);

it('puts every sample into one fold and never cuts a group', () => {
  const arrays = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 20, maxLength: 60 });
  fc.assert(
    fc.property(arrays, fc.integer({ min: 2, max: 5 }), fc.nat(99), (numbers, count, seed) => {
      fc.pre(new Set(numbers).size >= count);
      const groups = numbers.map((n) => `g${n}`);
      const all = ids(numbers.length);
      const folds = foldsOf({ ids: all, groups }, count, seed);
      expect(folds.flat().sort()).toEqual([...all].sort());
      expect(folds.every((fold) => fold.length > 0)).toBe(true);
      const places = folds.flatMap((fold) => [...new Set(fold.map((id) => groups[all.indexOf(id)]!))]);
      expect(places).toHaveLength(new Set(groups).size);
    }),
    { numRuns: 30 },
  );
});

it('balances sizes, depends on the seed alone, and needs a group for each fold', () => {
  const folds = foldsOf({ ids: ids(11), groups: undefined }, 3, 1);
  expect(folds.map((fold) => fold.length).sort()).toEqual([3, 4, 4]);
  expect(foldsOf({ ids: ids(11), groups: undefined }, 3, 1)).toEqual(folds);
  expect(foldsOf({ ids: ids(11), groups: undefined }, 3, 2)).not.toEqual(folds);
  expect(() => foldsOf({ ids: ids(4), groups: ['a', 'a', 'b', 'b'] }, 3, 0)).toThrow(/2 groups for 3 folds/);
});
