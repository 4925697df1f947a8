import { describe, expect, it } from 'vitest';
import { inOrder } from './in-order.js';

const collected = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

describe('inOrder', () => {
  it('yields results in order, whichever ends first, with a limited number of running calls', async () => {
    let open = 0;
    let most = 0;
    const work = async (n: number) => {
      most = Math.max(most, ++open);
      await new Promise((done) => setTimeout(done, (n * 7) % 5));
      open--;
      return n * n;
    };
    expect(await collected(inOrder([1, 2, 3, 4, 5, 6], 2, work))).toEqual([1, 4, 9, 16, 25, 36]);
    expect(most).toBe(3);
    expect(await collected(inOrder([], 2, work))).toEqual([]);
    expect(await collected(inOrder([3, 4], 0, work))).toEqual([9, 16]);
  });

  it('throws when the failed result is next, and leaves nothing running', async () => {
    const ended: number[] = [];
    const work = async (n: number) => {
      await new Promise((done) => setTimeout(done, n));
      if (n === 2) throw new Error('two');
      ended.push(n);
      return n;
    };
    const seen: number[] = [];
    await expect(async () => {
      for await (const n of inOrder([1, 2, 3, 4, 5], 2, work)) seen.push(n);
    }).rejects.toThrow('two');
    expect(seen).toEqual([1]);
    expect(ended).toEqual([1, 3, 4]);
  });

  it('stops when aborted, and when the loop is left', async () => {
    const stop = new AbortController();
    const begun: number[] = [];
    const work = async (n: number) => begun.push(n);
    await expect(async () => {
      for await (const n of inOrder([1, 2, 3, 4, 5, 6], 1, work, stop.signal))
        if (n === 2) stop.abort(new Error('stop'));
    }).rejects.toThrow('stop');
    expect(begun).toEqual([1, 2, 3]);
    for await (const n of inOrder([7, 8, 9, 10], 1, work)) if (n > 0) break;
    expect(begun).toEqual([1, 2, 3, 7, 8]);
  });
});
