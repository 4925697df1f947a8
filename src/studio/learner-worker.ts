/** The thread of the learner: passes requests to the engine, and its answers and events back. */
import { parentPort, workerData } from 'node:worker_threads';
import { answerRequest } from './answer-requests.js';
import { LearnerEngine } from './learner-engine.js';
import type { LearnerReply, LearnerRequest } from './learner-thread.js';
import { type EngineOptions, nodePlatform } from './node-platform.js';

const port = parentPort!;
const reply = (message: LearnerReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
const options = workerData as EngineOptions;
const engine = new LearnerEngine(options.classes, nodePlatform(options), (event) =>
  reply({ kind: 'event', event }),
);

port.on(
  'message',
  (request: LearnerRequest) => void answerRequest(engine, request, reply, () => port.close()),
);
