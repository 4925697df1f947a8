/**
 * Ctrl-C: the first asks the work to finish its step, save and end; the second ends the process at once. A request to
 * terminate and a terminal that is closed count as Ctrl-C.
 */
import type { Output } from './output.js';

/** The exit code of an interrupted command (128 + SIGINT). */
export const INTERRUPTED = 130;

const HEARD = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The source of signals, and the way to end the process: `process`, or a replacement in tests. */
export interface SignalSource {
  on(event: (typeof HEARD)[number], listener: () => void): unknown;
  off(event: (typeof HEARD)[number], listener: () => void): unknown;
  exit(code: number): void;
}

/**
 * Runs `work` with a signal that the first Ctrl-C aborts.
 *
 * @param note called with a message then.
 */
export async function interruptible<T>(
  source: SignalSource,
  output: Output,
  work: (signal: AbortSignal) => Promise<T>,
  note = 'Interrupted: finishing the step and saving. Press Ctrl-C again to stop now.',
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
