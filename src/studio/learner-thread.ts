/** The learner in a thread of its own, so that the server answers at once whatever is being learned. */
import { Worker } from 'node:worker_threads';
import { PixelwiseError } from '../errors/index.js';
import {
  type Exported,
  type ImageForPrediction,
  type LabelsForLearning,
  type LearnerEvent,
  NOTHING_LEARNED,
  type Prediction,
  type StudioLearner,
} from './learning.js';
import type { EngineOptions } from './node-platform.js';

export type LearnerRequest =
  | { readonly kind: 'classes'; readonly names: readonly string[] }
  | { readonly kind: 'opened'; readonly image: ImageForPrediction }
  | { readonly kind: 'labels'; readonly image: LabelsForLearning }
  | { readonly kind: 'predict'; readonly id: number; readonly image: ImageForPrediction }
  | { readonly kind: 'export'; readonly id: number; readonly to: 'run' | 'onnx' }
  | { readonly kind: 'close' };

export type LearnerReply =
  | { readonly kind: 'event'; readonly event: LearnerEvent }
  | { readonly kind: 'answer'; readonly id: number; readonly value: Prediction | Exported | undefined }
  | { readonly kind: 'failure'; readonly id: number; readonly code: string; readonly message: string };

/**
 * Milliseconds until the thread starts without a request. It loads all of the training code, which would delay the page's
 * first image. With a model to start from it starts sooner, since it predicts at once.
 */
const START_DELAY = 4000;
const START_DELAY_OF_MODEL = 1500;

export class LearnerThread implements StudioLearner {
  status = NOTHING_LEARNED;
  onEvent: StudioLearner['onEvent'] = () => undefined;
  private worker: Worker | undefined;
  private readonly timer: NodeJS.Timeout;
  /** What the thread is told when it starts. */
  private readonly untold: LearnerRequest[] = [];
  private readonly waiting = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: Error) => void }
  >();
  private nextId = 0;
  private ended: Error | undefined;

  constructor(private readonly options: EngineOptions) {
    const delay = options.init === undefined ? START_DELAY : START_DELAY_OF_MODEL;
    this.timer = setTimeout(() => this.start(), delay).unref();
  }

  setClasses(names: readonly string[]): void {
    // Labels will follow.
    this.start();
    this.send({ kind: 'classes', names });
  }

  opened(image: ImageForPrediction): void {
    this.send({ kind: 'opened', image });
  }

  labelled(image: LabelsForLearning): void {
    this.start();
    this.send({ kind: 'labels', image });
  }

  predict(image: ImageForPrediction): Promise<Prediction | undefined> {
    return this.ask((id) => ({ kind: 'predict', id, image }));
  }

  exportTo(to: 'run' | 'onnx'): Promise<Exported> {
    return this.ask((id) => ({ kind: 'export', id, to }));
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    const { worker, ended } = this;
    if (!worker || ended) return;
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    this.send({ kind: 'close' });
    await exited;
  }

  private start(): Worker {
    clearTimeout(this.timer);
    if (this.worker) return this.worker;
    const worker = new Worker(new URL('./learner-worker.js', import.meta.url), {
      execArgv: [],
      workerData: this.options,
    });
    worker.on('message', (reply: LearnerReply) => this.take(reply));
    worker.on('error', (error: Error) => this.end(error));
    worker.on('exit', (code) => this.end(new Error(`the learner ended (code ${code})`)));
    for (const request of this.untold.splice(0)) worker.postMessage(request);
    return (this.worker = worker);
  }

  private send(request: LearnerRequest): void {
    if (this.ended) return;
    if (this.worker) this.worker.postMessage(request);
    else this.untold.push(request);
  }

  private ask<T>(request: (id: number) => LearnerRequest): Promise<T> {
    if (this.ended) return Promise.reject(this.ended);
    this.start();
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
