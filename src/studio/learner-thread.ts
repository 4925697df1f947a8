/** The learner in a thread of its own, so that the server answers at once whatever is being learned. */
import { Worker } from 'node:worker_threads';
import { PixelwiseError } from '../errors/index.js';
import { LearnerEngine } from './learner-engine.js';
import type {
  Exported,
  ImageForPrediction,
  LabelsForLearning,
  LearnerEvent,
  Prediction,
  StudioLearner,
  TrainingStatus,
} from './learning.js';
import { type EngineOptions, nodePlatform } from './node-platform.js';

export type LearnerRequest =
  | { readonly kind: 'classes'; readonly names: readonly string[] }
  | { readonly kind: 'labels'; readonly image: LabelsForLearning }
  | { readonly kind: 'predict'; readonly id: number; readonly image: ImageForPrediction }
  | { readonly kind: 'export'; readonly id: number; readonly to: 'run' | 'onnx' }
  | { readonly kind: 'close' };

export type LearnerReply =
  | { readonly kind: 'event'; readonly event: LearnerEvent }
  | { readonly kind: 'answer'; readonly id: number; readonly value: Prediction | Exported | undefined }
  | { readonly kind: 'failure'; readonly id: number; readonly code: string; readonly message: string };

// Run from its TypeScript source (in tests), this file has no compiled worker beside it.
const COMPILED = !import.meta.url.endsWith('.ts');

const NOTHING: TrainingStatus = {
  learner: null,
  step: 0,
  seconds: 0,
  labelledImages: 0,
  heldOutImages: 0,
  scores: null,
  scoresByLearner: {},
  activity: 'waiting for labels',
};

/** Starts the learner. */
export function startLearner(options: EngineOptions): StudioLearner {
  return COMPILED ? new LearnerThread(options) : new InlineLearner(options);
}

class LearnerThread implements StudioLearner {
  status = NOTHING;
  onEvent: StudioLearner['onEvent'] = () => undefined;
  private readonly worker: Worker;
  private readonly waiting = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: Error) => void }
  >();
  private nextId = 0;
  private ended: Error | undefined;
  private readonly exited: Promise<void>;

  constructor(options: EngineOptions) {
    this.worker = new Worker(new URL('./learner-worker.js', import.meta.url), {
      execArgv: [],
      workerData: options,
    });
    this.exited = new Promise((resolve) => this.worker.once('exit', () => resolve()));
    this.worker.on('message', (reply: LearnerReply) => this.take(reply));
    this.worker.on('error', (error: Error) => this.end(error));
    this.worker.on('exit', (code) => this.end(new Error(`the learner ended (code ${code})`)));
  }

  setClasses(names: readonly string[]): void {
    this.send({ kind: 'classes', names });
  }

  labelled(image: LabelsForLearning): void {
    this.send({ kind: 'labels', image });
  }

  predict(image: ImageForPrediction): Promise<Prediction | undefined> {
    return this.ask((id) => ({ kind: 'predict', id, image }));
  }

  exportTo(to: 'run' | 'onnx'): Promise<Exported> {
    return this.ask((id) => ({ kind: 'export', id, to }));
  }

  async close(): Promise<void> {
    this.send({ kind: 'close' });
    await this.exited;
  }

  private send(request: LearnerRequest): void {
    if (!this.ended) this.worker.postMessage(request);
  }

  private ask<T>(request: (id: number) => LearnerRequest): Promise<T> {
    if (this.ended) return Promise.reject(this.ended);
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.send(request(id));
    });
  }

  private take(reply: LearnerReply): void {
    if (reply.kind === 'event') {
      if (reply.event.kind === 'training') this.status = reply.event.status;
      this.onEvent(reply.event);
      return;
    }
    const waiting = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if (reply.kind === 'answer') waiting?.resolve(reply.value as never);
    else waiting?.reject(new PixelwiseError(reply.code, reply.message));
  }

  private end(error: Error): void {
    if (this.ended) return;
    this.ended = new PixelwiseError(
      'learner',
      `The learner has stopped: ${error.message}. Start the studio again.`,
      {
        cause: error,
      },
    );
    this.status = { ...this.status, activity: 'stopped', problem: this.ended.message };
    this.onEvent({ kind: 'training', status: this.status });
    for (const { reject } of this.waiting.values()) reject(this.ended);
    this.waiting.clear();
  }
}

/** The learner in this thread, for tests. */
class InlineLearner implements StudioLearner {
  status = NOTHING;
  onEvent: StudioLearner['onEvent'] = () => undefined;
  private readonly engine: LearnerEngine;

  constructor(options: EngineOptions) {
    this.engine = new LearnerEngine(options.classes, nodePlatform(options), (event) => {
      if (event.kind === 'training') this.status = event.status;
      this.onEvent(event);
    });
  }

  setClasses(names: readonly string[]): void {
    this.engine.setClasses(names);
  }

  labelled(image: LabelsForLearning): void {
    this.engine.setLabels(image);
  }

  predict(image: ImageForPrediction): Promise<Prediction | undefined> {
    return this.engine.predict(image);
  }

  exportTo(to: 'run' | 'onnx'): Promise<Exported> {
    return this.engine.exportTo(to);
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}
