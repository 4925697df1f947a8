import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { mapParallel } from './parallel.js';

it('waits for the work that has begun before it rejects, and begins none after', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const work = async (i: number): Promise<void> => {
    begun.push(i);
    await wait(i === 0 ? 1 : 20);
    if (i === 0) throw new Error('the disk is full');
    ended.push(i);
  };
  await expect(mapParallel(8, 3, work)).rejects.toThrow('the disk is full');
  expect(begun).toEqual([0, 1, 2]);
  expect(ended).toEqual([1, 2]);
});

it('gives the results in order, and does not wait when it is aborted', async () => {
  expect(await mapParallel(4, 2, (i) => wait(4 - i, i * i))).toEqual([0, 1, 4, 9]);
  const controller = new AbortController();
  const never = mapParallel(2, 2, () => new Promise<void>(() => undefined), controller.signal);
  controller.abort(new Error('enough'));
  await expect(never).rejects.toThrow('enough');
});
