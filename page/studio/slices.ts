/** Long work on the main thread, done in slices so that the page stays responsive. */

/** Milliseconds of a slice. A frame at 60 Hz has 16. */
const SLICE = 6;

/** Runs the generator to its end, and lets the page do other things after each slice. */
export async function inSlices<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    const stop = performance.now() + SLICE;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (performance.now() < stop);
    await new Promise((resolve) => setTimeout(resolve));
  }
}
