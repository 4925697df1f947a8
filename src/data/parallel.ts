/** Several pieces of work at once, in a bounded number. */

/** Applies `work` to 0 … count − 1, at most `concurrency` at a time; results in order. The first error ends it. */
export async function mapParallel<T>(
  count: number,
  concurrency: number,
  work: (i: number) => Promise<T>,
  signal?: AbortSignal,
): Promise<T[]> {
  const results = new Array<T>(count);
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (next < count && !failed) {
      signal?.throwIfAborted();
      const i = next++;
      try {
        results[i] = await work(i);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, lane));
  return results;
}
