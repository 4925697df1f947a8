/** Work begun ahead of its turn: the next images are decoded while one is being looked at. */

/**
 * Applies `work` to every item and gives the results in order, with at most `ahead` pieces of work begun
 * beyond the one that is waited for. Leaving the loop begins no
 * further work and waits for what has begun.
 *
 * @throws what `work` throws, when its turn comes; `signal.reason` once aborted.
 */
export async function* inOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  ahead: number,
  work: (item: T) => Promise<R>,
  signal?: AbortSignal,
): AsyncGenerator<R, void, undefined> {
  const begun: Promise<R>[] = [];
  try {
    for await (const item of items) {
      signal?.throwIfAborted();
      const result = work(item);
      // Looked at only when its turn comes; until then a failure must not count as unhandled.
      result.catch(() => undefined);
      begun.push(result);
      if (begun.length > ahead) yield await begun.shift()!;
    }
    while (begun.length > 0) {
      signal?.throwIfAborted();
      yield await begun.shift()!;
    }
  } finally {
    await Promise.allSettled(begun);
  }
}
