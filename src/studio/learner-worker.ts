/** The thread of the learner: passes requests to the engine, and its answers and events back. */
import { parentPort, workerData } from 'node:worker_threads';
import { PixelwiseError } from '../errors/index.js';
import { LearnerEngine } from './learner-engine.js';
import type { LearnerReply, LearnerRequest } from './learner-thread.js';
import { type EngineOptions, nodePlatform } from './node-platform.js';

const port = parentPort!;
const reply = (message: LearnerReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
const options = workerData as EngineOptions;
const engine = new LearnerEngine(options.classes, nodePlatform(options), (event) =>
  reply({ kind: 'event', event }),
);

port.on('message', (request: LearnerRequest) => {
  switch (request.kind) {
    case 'classes':
      engine.setClasses(request.names);
      break;
    case 'labels':
      engine.setLabels(request.image);
      break;
    case 'predict':
      void answer(request.id, engine.predict(request.image));
      break;
    case 'export':
      void answer(request.id, engine.exportTo(request.to));
      break;
    case 'close':
      void engine.close().finally(() => port.close());
  }
});

async function answer(id: number, work: ReturnType<LearnerEngine['predict' | 'exportTo']>): Promise<void> {
  try {
    const value = await work;
    const moved = value && 'classes' in value ? [value.classes.buffer, value.uncertainty.buffer] : [];
    reply({ kind: 'answer', id, value }, moved);
  } catch (error) {
    const code = error instanceof PixelwiseError ? error.code : 'internal';
    reply({ kind: 'failure', id, code, message: error instanceof Error ? error.message : String(error) });
  }
}
