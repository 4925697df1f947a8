/** A local server that segments images. */
export type { AnsweredRequest } from './app.js';
export { ANSWER_FORMATS, type AnswerFormat } from './answer-format.js';
export { createHandler, type HandlerOptions, toNodeListener } from './handler.js';
export { isLoopback } from './guard.js';
export { HttpError, type HttpErrorStatus } from './http-error.js';
export type { CheckpointChoice, Segmenter } from '../inference/index.js';
export type { Device } from '../runtime/index.js';
export { DEFAULT_PORT, type RunningServer, type ServeOptions, startServer } from './server.js';
