/** Ctrl-C: the first asks the work to finish its step, save and end; the second ends the process at once. */
import type { Output } from './output.js';

/** What an interrupted command ends with (128 + SIGINT). */
export const INTERRUPTED = 130;

/** What is heard, and how the process ends: `process`, or a stand-in. */
export interface SignalSource {
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(code: number): void;
}

const HEARD = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs `work` with a signal that the first Ctrl-C (or a request to terminate) aborts.
 *
 * @param note what is said then.
 */
export async function interruptible<T>(
  source: SignalSource,
  output: Output,
  work: (signal: AbortSignal) => Promise<T>,
  note = 'Interrupted: finishing the step and saving. Once more ends at once.',
): Promise<T> {
  const controller = new AbortController();
  const heard = (): void => {
    if (controller.signal.aborted) {
      output.close();
      source.exit(INTERRUPTED);
      return;
    }
    output.note(note);
    controller.abort();
  };
  for (const event of HEARD) source.on(event, heard);
  try {
    return await work(controller.signal);
  } finally {
    for (const event of HEARD) source.off(event, heard);
  }
}
