import { describe, expect, test } from 'vitest';
import { ShapeError } from '../errors/index.js';
import {
  add,
  arrayOf,
  atScope,
  constant,
  formatShape,
  input,
  normalizeAxis,
  scalar,
  scalarValue,
  withScope,
} from './index.js';

describe('shapes', () => {
  test('are written with crosses', () => {
    expect(formatShape([8, 64, 128, 128])).toBe('8×64×128×128');
    expect(formatShape([])).toBe('scalar');
    expect(String(input('x', [2, 3], 'int32'))).toBe('int32 2×3');
  });

  test('a tensor knows its rank and size', () => {
    const x = input('x', [2, 3, 4]);
    expect([x.rank, x.size]).toEqual([3, 24]);
    expect(scalar(1).size).toBe(1);
  });

  test('axes count from either end', () => {
    expect(normalizeAxis(-1, 4)).toBe(3);
    expect(normalizeAxis(2, 4)).toBe(2);
    for (const axis of [4, -5, 0.5]) {
      expect(() => normalizeAxis(axis, 4)).toThrow(`axis ${axis} does not exist in a tensor of rank 4`);
    }
  });
});

describe('scopes', () => {
  test('nodes carry the innermost', () => {
    const x = input('x', [1]);
    const [inner, outer] = withScope('down.0', () => [withScope('down.0.conv1', () => add(x, x)), add(x, x)]);
    expect(inner!.node.scope).toBe('down.0.conv1');
    expect(outer!.node.scope).toBe('down.0');
    expect(add(x, x).node.scope).toBe('');
  });

  test('end when the body throws', () => {
    expect(() =>
      withScope('head', () => {
        throw new Error('stopped');
      }),
    ).toThrow('stopped');
    expect(atScope()).toBe('');
  });

  test('stand in messages', () => {
    expect(() => withScope('up.1', () => add(input('a', [2]), input('b', [3])))).toThrow(
      'shapes 2 and 3 do not broadcast: axis 0 is 2 in one and 3 in the other (in layer up.1)',
    );
  });
});

describe('constants', () => {
  test('hold as many values as their shape', () => {
    expect(() => constant(Float32Array.of(1, 2, 3), [2, 2])).toThrow(ShapeError);
    expect(constant(Int32Array.of(1, 2), [2]).dtype).toBe('int32');
    expect(constant(BigInt64Array.of(1n), [1]).dtype).toBe('int64');
    expect(constant(Uint8Array.of(1), [1]).dtype).toBe('uint8');
  });

  test('of one element can be read back', () => {
    expect(scalarValue(scalar(0.5))).toBe(0.5);
    expect(scalarValue(scalar(7, 'int64'))).toBe(7);
    expect(scalarValue(input('x', []))).toBeUndefined();
    expect(scalarValue(constant(Float32Array.of(1, 2), [2]))).toBeUndefined();
  });

  test('take the array type of their element type', () => {
    expect(arrayOf('float32', [1.5])).toEqual(Float32Array.of(1.5));
    expect(arrayOf('int32', [1])).toEqual(Int32Array.of(1));
    expect(arrayOf('int64', [1])).toEqual(BigInt64Array.of(1n));
    expect(arrayOf('bool', [1, 0])).toEqual(Uint8Array.of(1, 0));
  });
});
