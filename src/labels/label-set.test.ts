import { expect, it } from 'vitest';
import {
  checkOverlappingClasses,
  classesInSets,
  coloursOfSets,
  isBinary,
  maskValueCount,
  maskValueName,
  pixelsByClass,
  planeOf,
  setOf,
} from './label-set.js';

const overlapping = { classes: ['lung', 'heart', 'device'], multiLabel: true };

it('counts and names mask values as classes or as sets of them', () => {
  expect(maskValueCount(overlapping)).toBe(8);
  expect(maskValueCount({ classes: overlapping.classes })).toBe(3);
  expect([0, 1, 6].map((value) => maskValueName(overlapping, value))).toEqual([
    'none',
    'lung',
    'heart + device',
  ]);
  expect(maskValueName({ classes: ['sky', 'road'] }, 1)).toBe('road');
  expect(isBinary({ classes: ['a', 'b'] })).toBe(true);
  expect(isBinary({ classes: ['a', 'b'], multiLabel: true })).toBe(false);
});

it('takes sets apart, and leaves ignored pixels out', () => {
  const mask = Uint8Array.of(0, setOf(0), setOf(0) | setOf(2), 255, setOf(2));
  expect([...planeOf(mask, 0)]).toEqual([0, 1, 1, 255, 0]);
  expect([...planeOf(mask, 1)]).toEqual([0, 0, 0, 255, 0]);
  expect(pixelsByClass(mask, overlapping)).toEqual([2, 0, 2]);
  expect(classesInSets(mask)).toEqual([0, 2]);
  expect(pixelsByClass(Uint8Array.of(0, 1, 1, 255), { classes: ['a', 'b'] })).toEqual([1, 2]);
});

it('colours a set by the mean of its classes, and the empty one black', () => {
  const colours = coloursOfSets([
    [200, 0, 0],
    [0, 100, 50],
  ]);
  expect(colours).toEqual([
    [0, 0, 0],
    [200, 0, 0],
    [0, 100, 50],
    [100, 50, 25],
  ]);
});

it('refuses more classes than fit into a byte beside the ignore index', () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`);
  expect(() => checkOverlappingClasses(names(7), 'x')).not.toThrow();
  expect(() => checkOverlappingClasses(names(8), 'x')).toThrow(/takes 2 to 7 classes .* there are 8/);
  expect(() => checkOverlappingClasses(names(1), 'x')).toThrow(/there is 1 \(c0\)\. Leave --multi-label out/);
});
