/** Applies `work` to 0 … count − 1, at most `concurrency` at a time. */
import pMap from 'p-map';

/**
 * The results in order. Rejects with the first error, starts no further work then, and waits for the work that has begun:
 * it may still be writing where the caller cleans up. Rejects at once with `signal.reason`.
 */
export async function mapParallel<T>(
  count: number,
  concurrency: number,
  work: (i: number) => Promise<T>,
  signal?: AbortSignal,
): Promise<T[]> {
  const running = new Set<Promise<T>>();
  const tracked = (i: number): Promise<T> => {
    const one = work(i);
    running.add(one);
    const done = () => running.delete(one);
    one.then(done, done);
    return one;
  };
  try {
    return await pMap(Array(count).keys(), tracked, { concurrency, ...(signal && { signal }) });
  } catch (error) {
    if (!signal?.aborted) await Promise.allSettled(running);
    throw error;
  }
}
