/** Concurrent work with ordered results; for example, the next images are decoded while one is segmented. */

/**
 * Applies `work` to every item and yields the results in the order of the items. At most `ahead` calls run beyond
 * the one whose result is next. When the consumer leaves the loop, no further calls start, and the running ones
 * are awaited.
 *
 * @throws an error of `work` when its result is next; `signal.reason` once aborted.
 */
export async function* inOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  ahead: number,
  work: (item: T) => Promise<R>,
  signal?: AbortSignal,
): AsyncGenerator<R, void, undefined> {
  const running: Promise<R>[] = [];
  try {
    for await (const item of items) {
      signal?.throwIfAborted();
      const result = work(item);
      // The error is rethrown when the result is next; until then it must not count as unhandled.
      result.catch(() => undefined);
      running.push(result);
      if (running.length > ahead) yield await running.shift()!;
    }
    while (running.length > 0) {
      signal?.throwIfAborted();
      yield await running.shift()!;
    }
  } finally {
    await Promise.allSettled(running);
  }
}
