/** Times of work that is done again and again. */

/** What a case finds out about its steps. */
export interface Steps {
  /** Seconds of each step. */
  readonly times: readonly number[];
  /** From the model to a graph that is ready to run. */
  readonly compileSeconds?: number;
  /** Processor time of one step over all threads: what a busy machine changes least. */
  readonly processorSeconds?: number;
  /** Arithmetic of one step; absent where there is none to count. */
  readonly operations?: number;
}

/** The seconds that `work` takes: does it once without looking at the clock, then `repeats` times with it. */
export async function timeRepeats(repeats: number, work: () => Promise<void>): Promise<number[]> {
  await work();
  const times: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    await work();
    times.push((performance.now() - start) / 1000);
  }
  return times;
}
