import { describe, expect, test } from 'vitest';
import { arrayAt, HostBuffer, transferredView, viewOf } from './index.js';

describe('HostBuffer', () => {
  test('is lent and comes back as the same bytes', () => {
    const buffer = new HostBuffer(16);
    buffer.floats().set([1, 2, 3, 4]);
    const lent = buffer.lend();
    expect(buffer.lent).toBe(true);
    expect(() => buffer.bytes).toThrow('this buffer is lent to a run that has not ended');
    expect(() => buffer.lend()).toThrow('lent');
    buffer.restore(lent);
    expect(buffer.lent).toBe(false);
    expect([...buffer.floats()]).toEqual([1, 2, 3, 4]);
    expect(buffer.byteLength).toBe(16);
  });

  test('shows a part of itself as floats', () => {
    const buffer = new HostBuffer(Float32Array.of(1, 2, 3, 4).buffer);
    expect([...buffer.floats(1, 2)]).toEqual([2, 3]);
    expect([...buffer.floats(2)]).toEqual([3, 4]);
  });
});

test('a view of a typed array starts where the array does', () => {
  const values = Float32Array.of(1, 2, 3, 4).subarray(2);
  const { buffer, byteOffset } = transferredView(values);
  expect([...arrayAt('float32', [2], buffer.bytes, byteOffset)]).toEqual([3, 4]);
  expect(buffer.bytes).toBe(values.buffer);
});

test('a view that is not transferred is a copy', () => {
  const values = Float32Array.of(1, 2, 3, 4).subarray(2);
  const { buffer, byteOffset } = viewOf(values);
  values.fill(0);
  expect([...arrayAt('float32', [2], buffer.bytes, byteOffset)]).toEqual([3, 4]);
});

test('memory is read as the element type says', () => {
  const { buffer } = BigInt64Array.of(1n, -1n);
  expect(arrayAt('int64', [2], buffer, 0)).toEqual(BigInt64Array.of(1n, -1n));
  expect(arrayAt('int32', [4], buffer, 0)).toEqual(Int32Array.of(1, 0, -1, -1));
  expect(arrayAt('uint8', [2], buffer, 7)).toEqual(Uint8Array.of(0, 255));
  expect(arrayAt('bool', [1], buffer, 0)).toEqual(Uint8Array.of(1));
});
