/** Timing of repeated work. */

/** Measurements of a case's steps. */
export interface Steps {
  /** Seconds of each step. */
  readonly times: readonly number[];
  /** Time to build the graph and load it into ONNX Runtime. */
  readonly compileSeconds?: number;
  /** CPU time of one step over all threads. It varies less than wall time on a busy machine. */
  readonly processorSeconds?: number;
  /** Floating-point operations of one step; absent for data loading. */
  readonly operations?: number;
}

/** Runs `work` once as a warm-up, then `repeats` times, and returns the seconds of each timed run. */
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
