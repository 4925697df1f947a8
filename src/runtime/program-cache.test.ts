import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Program } from './index.js';
import { ProgramCache } from './index.js';

/** Programs that only note when they are released. */
class Programs {
  readonly compiled: string[] = [];
  readonly released: string[] = [];

  readonly compile = (key: string) => async (): Promise<Program> => {
    this.compiled.push(key);
    return { release: async () => void this.released.push(key) } as unknown as Program;
  };
}

describe('ProgramCache', () => {
  test('compiles once, and gives the same program again', async () => {
    const programs = new Programs();
    const cache = new ProgramCache(100);
    const first = await cache.get('a', 10, programs.compile('a'));
    expect(await cache.get('a', 10, programs.compile('a'))).toBe(first);
    expect(programs.compiled).toEqual(['a']);
  });

  test('compiles once for two that ask at the same time', async () => {
    const programs = new Programs();
    const cache = new ProgramCache(100);
    await Promise.all([cache.get('a', 10, programs.compile('a')), cache.get('a', 10, programs.compile('a'))]);
    expect(programs.compiled).toEqual(['a']);
  });

  test('releases what was used longest ago', async () => {
    const programs = new Programs();
    const cache = new ProgramCache(30);
    for (const key of ['a', 'b', 'c', 'a', 'd']) await cache.get(key, 10, programs.compile(key));
    expect(programs.released).toEqual(['b']);
    await cache.get('e', 20, programs.compile('e'));
    expect(programs.released).toEqual(['b', 'c', 'a']);
    expect([cache.size, cache.bytes]).toEqual([2, 30]);
  });

  test('keeps a program larger than the bound, alone', async () => {
    const programs = new Programs();
    const cache = new ProgramCache(30);
    await cache.get('a', 10, programs.compile('a'));
    await cache.get('large', 50, programs.compile('large'));
    expect(programs.released).toEqual(['a']);
    expect([cache.size, cache.bytes]).toEqual([1, 50]);
  });

  test('forgets a program that did not compile', async () => {
    const programs = new Programs();
    const cache = new ProgramCache(30);
    await expect(cache.get('a', 10, () => Promise.reject(new Error('invalid')))).rejects.toThrow('invalid');
    expect(cache.size).toBe(0);
    await cache.get('a', 10, programs.compile('a'));
    expect(programs.compiled).toEqual(['a']);
  });

  test('releases all when cleared', async () => {
    const programs = new Programs();
    const cache = new ProgramCache(30);
    for (const key of ['a', 'b']) await cache.get(key, 10, programs.compile(key));
    await cache.clear();
    expect(programs.released.sort()).toEqual(['a', 'b']);
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });

  test('keeps within its bound, whatever is asked, and releases each program once', async () => {
    const sizes = fc.dictionary(fc.constantFrom(...'abcdef'), fc.integer({ min: 1, max: 40 }), {
      minKeys: 1,
    });
    const uses = sizes.chain((bytes) =>
      fc.tuple(fc.constant(bytes), fc.array(fc.constantFrom(...Object.keys(bytes)), { maxLength: 30 })),
    );
    await fc.assert(
      fc.asyncProperty(uses, async ([bytes, keys]) => {
        const programs = new Programs();
        const cache = new ProgramCache(60);
        for (const key of keys) {
          await cache.get(key, bytes[key]!, programs.compile(key));
          expect(cache.bytes <= 60 || cache.size === 1).toBe(true);
        }
        await cache.clear();
        expect(programs.released.sort()).toEqual(programs.compiled.sort());
      }),
    );
  });
});
