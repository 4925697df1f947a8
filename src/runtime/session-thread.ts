/**
 * The thread of the sessions. A program starts it before it loads the modules that will use it, so that ONNX Runtime is
 * ready by the time that the first graph is.
 */
import { COMPILED, NodeThread } from './node-thread.js';
import type { Reply, Request } from './node-worker.js';

export type SessionThread = NodeThread<Request, Reply>;

let spare: SessionThread | undefined;

const start = (): SessionThread =>
  new NodeThread(new URL('./node-worker.js', import.meta.url), 'runs the graphs');

/** Starts a thread for the next runtime. It does not keep the process alive. */
export function startSessionThread(): void {
  if (COMPILED) spare ??= start();
}

/** The thread that was started for this runtime, or a new one. */
export function takeSessionThread(): SessionThread {
  const taken = spare?.ended ? undefined : spare;
  spare = undefined;
  return taken ?? start();
}
