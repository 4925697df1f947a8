import { expect, test } from 'vitest';
import { AdmissionQueue } from './admission-queue.js';

const never = new AbortController().signal;

/** Work that ends when it is told to. */
function work(): { run: () => Promise<string>; end: () => void } {
  let end = () => undefined as void;
  const done = new Promise<string>((resolve) => (end = () => resolve('done')));
  return { run: () => done, end: () => end() };
}

test('a full queue refuses at once, and admits again once a request has left', async () => {
  const queue = new AdmissionQueue({ capacity: 2, concurrency: 1, timeout: 1000 });
  const [first, second] = [work(), work()];
  const running = [queue.admit(first.run), queue.admit(second.run)];
  await expect(queue.admit(async () => 'third')).rejects.toMatchObject({
    status: 503,
    retryAfter: expect.any(Number),
  });
  first.end();
  await running[0];
  expect(await queue.admit(async () => 'fourth')).toBe('fourth');
  second.end();
  await running[1];
  expect(queue.inside).toBe(0);
});

test('requests run in order, one after the other', async () => {
  const queue = new AdmissionQueue({ capacity: 9, concurrency: 1, timeout: 1000 });
  const order: number[] = [];
  const [first, second] = [work(), work()];
  const turns = [
    queue.run(first.run, never),
    queue.run(async () => {
      order.push(2);
      return second.run();
    }, never),
    queue.run(async () => void order.push(3), never),
  ];
  expect(queue.queued).toBe(2);
  first.end();
  await turns[0];
  await new Promise(setImmediate);
  expect(order).toEqual([2]);
  second.end();
  await Promise.all(turns);
  expect(order).toEqual([2, 3]);
});

test('a request that waits too long or is aborted leaves the queue', async () => {
  const queue = new AdmissionQueue({ capacity: 9, concurrency: 1, timeout: 20 });
  const first = work();
  const running = queue.run(first.run, never);
  await expect(queue.run(async () => 'late', never)).rejects.toMatchObject({ status: 503 });
  const controller = new AbortController();
  const waiting = queue.run(async () => 'aborted', controller.signal);
  controller.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  expect(queue.queued).toBe(0);
  first.end();
  await running;
  expect(await queue.run(async () => 'next', never)).toBe('next');
});

test('a failure frees the place and the turn', async () => {
  const queue = new AdmissionQueue({ capacity: 1, concurrency: 1, timeout: 20 });
  const fail = () => queue.admit(() => queue.run(() => Promise.reject(new Error('no')), never));
  await expect(fail()).rejects.toThrow('no');
  await expect(fail()).rejects.toThrow('no');
});
