import { expect, test } from 'vitest';
import { groupsOf } from './group-pattern.js';

test('groups by the first capture group, or by all that matches', () => {
  expect(groupsOf(['a_1', 'b_2', '3'], /^([a-z])_/u)).toEqual(['a', 'b', undefined]);
  expect(groupsOf(['a1', 'b2'], /[a-z]/g)).toEqual(['a', 'b']);
});

test('stops a pattern whose time grows exponentially', () => {
  expect(() => groupsOf(['a'.repeat(60)], /^(a+)+b$/u)).toThrow(/takes too long/);
});
