/** The thread of the learner: passes requests to the engine, and its answers and events back. */
import { getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { answerRequest } from './answer-requests.js';
import { LearnerEngine } from './learner-engine.js';
import type { LearnerReply, LearnerRequest } from './learner-thread.js';
import { type EngineOptions, nodePlatform } from './node-platform.js';

/** How much lower the learner's priority is than that of the program: it gets a third of the time of a thread that competes. */
const LESS_URGENT = 5;

// On Linux a priority belongs to a thread, and to those that it starts: ONNX Runtime's. The server answers and the browser
// draws before anything is learned, on machines with few cores, too.
if (process.platform === 'linux') setPriority(0, Math.min(19, getPriority(0) + LESS_URGENT));

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
