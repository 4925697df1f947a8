/** Entry point of the worker: receives requests, runs the engine and posts the results. */
import { PixelwiseError } from '../errors/index.js';
import { Engine } from './engine.js';
import type { FromWorker, WorkerRequest, SentError, ToWorker } from './messages.js';

/** The worker's global scope, which TypeScript's DOM types do not describe. */
const scope = self as unknown as {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: readonly Transferable[]): void;
};

let engine: Engine | undefined;
const running = new Map<number, AbortController>();

scope.onmessage = ({ data: { id, request } }) => {
  if (request.kind === 'abort') running.get(id)?.abort();
  else void handle(id, request);
};

async function handle(id: number, request: WorkerRequest): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    if (request.kind === 'load') {
      engine = await Engine.load(request, controller.signal, (loaded, total) =>
        scope.postMessage({ id, kind: 'progress', loaded, total }),
      );
      scope.postMessage({ id, kind: 'done', result: engine.description });
    } else {
      const result = await engine!.segment(request, controller.signal);
      const { mask, probabilities, confidence, image } = result;
      // Transfers the arrays instead of copying them: they can be hundreds of megabytes.
      const transfer = [mask.data, probabilities?.data, confidence, image.data].flatMap((values) =>
        values === undefined ? [] : [values.buffer as ArrayBuffer],
      );
      scope.postMessage({ id, kind: 'done', result }, [...new Set(transfer)]);
    }
  } catch (error) {
    scope.postMessage({ id, kind: 'failed', error: sent(error) });
  } finally {
    running.delete(id);
  }
}

function sent(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), code: undefined };
  return {
    name: error.name,
    message: error.message,
    code: error instanceof PixelwiseError ? error.code : undefined,
  };
}
