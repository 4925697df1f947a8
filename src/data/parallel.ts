/** Applies `work` to 0 … count − 1, at most `concurrency` at a time. */
import pMap from 'p-map';

/** The results in order. Rejects with the first error, or with `signal.reason`, and then starts no further work. */
export function mapParallel<T>(
  count: number,
  concurrency: number,
  work: (i: number) => Promise<T>,
  signal?: AbortSignal,
): Promise<T[]> {
  return pMap(Array(count).keys(), work, { concurrency, ...(signal && { signal }) });
}
