/** Answers requests in the learner's thread, both in Node and in the page without a server. */
import { PixelwiseError } from '../errors/index.js';
import type { LearnerEngine } from './learner-engine.js';
import type { LearnerReply, LearnerRequest } from './learner-thread.js';

/** @param reply sends a message; `transfer` moves with it. @param end is called when the engine is closed. */
export async function answerRequest(
  engine: LearnerEngine,
  request: LearnerRequest,
  reply: (message: LearnerReply, transfer: ArrayBuffer[]) => void,
  end: () => void,
): Promise<void> {
  switch (request.kind) {
    case 'classes':
      engine.setClasses(request.names);
      return;
    case 'opened':
      engine.opened(request.image);
      return;
    case 'labels':
      engine.setLabels(request.image);
      return;
    case 'close':
      await engine.close().finally(end);
      return;
  }
  const { id } = request;
  try {
    const value = await (request.kind === 'predict'
      ? engine.predict(request.image)
      : engine.exportTo(request.to));
    const moved = value && 'classes' in value ? [value.classes.buffer, value.uncertainty.buffer] : [];
    reply({ kind: 'answer', id, value }, moved);
  } catch (error) {
    const code = error instanceof PixelwiseError ? error.code : 'internal';
    const message = error instanceof Error ? error.message : String(error);
    reply({ kind: 'failure', id, code, message }, []);
  }
}
