import { describe, expect, it } from 'vitest';
import { KeptStore } from './kept-store.js';

/** Sessions and tensors that note what happens to them, and fail as ONNX Runtime does. */
function world() {
  const events: string[] = [];
  const session = (name: string) => {
    const made = {
      released: false,
      release: () => {
        made.released = true;
        events.push(`release ${name}`);
        return Promise.resolve();
      },
      tensor: (of: string) => ({
        dispose: () => {
          if (made.released) throw new Error(`${of} outlived its session`);
          events.push(`dispose ${of}`);
        },
      }),
    };
    return made;
  };
  return { events, session };
}

describe('KeptStore', () => {
  it('releases a session after the last of its tensors', async () => {
    const { events, session } = world();
    const [a, b] = [session('A'), session('B')];
    const store = new KeptStore<{ dispose(): void }, { release(): Promise<void> }>();
    await store.set('x', a.tensor('x of A'), a);
    await store.set('y', a.tensor('y of A'), a);
    await store.release(a);
    await store.set('x', b.tensor('x of B'), b);
    expect(events).toEqual(['dispose x of A']);
    await store.drop(['y', 'unknown']);
    expect(events).toEqual(['dispose x of A', 'dispose y of A', 'release A']);
    await store.clear();
    await store.release(b);
    expect(events.slice(3)).toEqual(['dispose x of B', 'release B']);
    expect(store.size).toBe(0);
  });

  it('releases a session that keeps nothing at once, and replaces what a session made itself', async () => {
    const { events, session } = world();
    const a = session('A');
    const store = new KeptStore<{ dispose(): void }, { release(): Promise<void> }>();
    await store.set('x', a.tensor('first'), a);
    await store.set('x', a.tensor('second'), a);
    await store.clear();
    await store.release(a);
    expect(events).toEqual(['dispose first', 'dispose second', 'release A']);
  });

  it('says what is not there', () => {
    const store = new KeptStore<{ dispose(): void }, { release(): Promise<void> }>();
    expect(() => store.get('x')).toThrow(/nothing is kept on the device as "x"/);
  });
});
