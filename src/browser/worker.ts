/** The worker: hears questions, has the engine answer them, sends the answers. */
import { PixelwiseError } from '../errors/index.js';
import { Engine } from './engine.js';
import type { FromWorker, Question, SentError, ToWorker } from './messages.js';

/** A worker's own global, of which TypeScript's DOM types know nothing. */
const scope = self as unknown as {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: readonly Transferable[]): void;
};

let engine: Engine | undefined;
const running = new Map<number, AbortController>();

scope.onmessage = ({ data: { id, question } }) => {
  if (question.kind === 'abort') running.get(id)?.abort();
  else void answer(id, question);
};

async function answer(id: number, question: Question): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    if (question.kind === 'load') {
      engine = await Engine.load(question, controller.signal, (loaded, total) =>
        scope.postMessage({ id, kind: 'progress', loaded, total }),
      );
      scope.postMessage({ id, kind: 'done', answer: engine.description });
    } else {
      const result = await engine!.segment(question, controller.signal);
      const { mask, probabilities, confidence } = result;
      // Results are fresh arrays; handing them over saves copying what may be hundreds of megabytes.
      const transfer = [mask, probabilities, confidence].flatMap((values) =>
        values === undefined ? [] : [values.buffer as ArrayBuffer],
      );
      scope.postMessage({ id, kind: 'done', answer: result }, [...new Set(transfer)]);
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
