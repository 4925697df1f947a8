import { expect, test } from 'vitest';
import { Places } from './places.js';

const never = new AbortController().signal;

/** Work that ends when it is told to. */
function work(): { run: () => Promise<string>; end: () => void } {
  let end = () => undefined as void;
  const done = new Promise<string>((resolve) => (end = () => resolve('done')));
  return { run: () => done, end: () => end() };
}

test('a full house refuses at once, and takes again once one has left', async () => {
  const places = new Places({ places: 2, atWork: 1, patience: 1000 });
  const [first, second] = [work(), work()];
  const running = [places.hold(first.run), places.hold(second.run)];
  await expect(places.hold(async () => 'third')).rejects.toMatchObject({
    status: 503,
    retryAfter: expect.any(Number),
  });
  first.end();
  await running[0];
  expect(await places.hold(async () => 'fourth')).toBe('fourth');
  second.end();
  await running[1];
  expect(places.inside).toBe(0);
});

test('turns come in order, one after the other', async () => {
  const places = new Places({ places: 9, atWork: 1, patience: 1000 });
  const order: number[] = [];
  const [first, second] = [work(), work()];
  const turns = [
    places.turn(first.run, never),
    places.turn(async () => {
      order.push(2);
      return second.run();
    }, never),
    places.turn(async () => void order.push(3), never),
  ];
  expect(places.queued).toBe(2);
  first.end();
  await turns[0];
  await new Promise(setImmediate);
  expect(order).toEqual([2]);
  second.end();
  await Promise.all(turns);
  expect(order).toEqual([2, 3]);
});

test('one that waits too long, or is aborted, leaves the line', async () => {
  const places = new Places({ places: 9, atWork: 1, patience: 20 });
  const first = work();
  const running = places.turn(first.run, never);
  await expect(places.turn(async () => 'late', never)).rejects.toMatchObject({ status: 503 });
  const controller = new AbortController();
  const waiting = places.turn(async () => 'aborted', controller.signal);
  controller.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  expect(places.queued).toBe(0);
  first.end();
  await running;
  expect(await places.turn(async () => 'next', never)).toBe('next');
});

test('a failure frees the place and the turn', async () => {
  const places = new Places({ places: 1, atWork: 1, patience: 20 });
  const fail = () => places.hold(() => places.turn(() => Promise.reject(new Error('no')), never));
  await expect(fail()).rejects.toThrow('no');
  await expect(fail()).rejects.toThrow('no');
});
