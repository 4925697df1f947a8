/** Trains models in a worker, for the studio page that runs without a server. */
import type { DeviceChoice } from '../../src/browser/device.js';
import type { Device } from '../../src/runtime/index.js';
import type { LearnerReply, LearnerRequest } from '../../src/studio/learner-thread.js';
import type {
  Exported,
  ImageForPrediction,
  LabelsForLearning,
  LearnerEvent,
  Prediction,
} from '../../src/studio/learning.js';
import { BackendError } from './backend.js';

export interface BeginRequest {
  readonly kind: 'begin';
  readonly classes: readonly string[];
  /** The images, by id. */
  readonly files: ReadonlyMap<string, Blob>;
  /** URL of the folder of ONNX Runtime's files. */
  readonly assets: string;
  readonly device: DeviceChoice;
}

/** The first request is `begin`. The next one must wait for its reply, `ready`. */
export type PageLearnerRequest = LearnerRequest | BeginRequest;

export type PageLearnerReply =
  | LearnerReply
  /** Loading has ended: it learns on this device, or `problem` says why it failed. */
  | { readonly kind: 'ready'; readonly device: Device }
  | { readonly kind: 'ready'; readonly problem: string }
  /** A file for the user to download. */
  | { readonly kind: 'download'; readonly name: string; readonly file: Blob };

export class PageLearner {
  private readonly worker = new Worker(new URL('./page-learner-worker.ts', import.meta.url), {
    type: 'module',
    name: 'learner',
  });
  private readonly waiting = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: Error) => void }
  >();
  private nextId = 0;
  /** Resolves with the device when everything is loaded. If it cannot be, the worker is gone. */
  readonly ready: Promise<Device>;
  private settleReady!: (outcome: { readonly device: Device } | { readonly problem: string }) => void;

  constructor(
    classes: readonly string[],
    files: ReadonlyMap<string, Blob>,
    assets: string,
    device: DeviceChoice,
    private readonly on: {
      readonly event: (event: LearnerEvent) => void;
      readonly download: (name: string, file: Blob) => void;
      /** Called with the reason when the worker has stopped. */
      readonly end: (reason: string) => void;
    },
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.settleReady = (outcome) => {
        if ('device' in outcome) resolve(outcome.device);
        else {
          this.worker.terminate();
          reject(new Error(outcome.problem));
        }
      };
    });
    this.worker.onmessage = ({ data }: MessageEvent<PageLearnerReply>) => this.receive(data);
    this.worker.onerror = ({ message }) => {
      on.end(message);
      this.settleReady({ problem: message });
      const error = new BackendError(
        500,
        'learner',
        `The learner has stopped: ${message}. Load the page again.`,
      );
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
    };
    this.send({ kind: 'begin', classes, files, assets, device });
  }

  setClasses(names: readonly string[]): void {
    this.send({ kind: 'classes', names });
  }

  opened(image: ImageForPrediction): void {
    this.send({ kind: 'opened', image });
  }

  labelled(image: LabelsForLearning): void {
    this.send({ kind: 'labels', image });
  }

  predict(image: ImageForPrediction): Promise<Prediction | undefined> {
    return this.ask((id) => ({ kind: 'predict', id, image }));
  }

  exportOnnx(): Promise<Exported> {
    return this.ask((id) => ({ kind: 'export', id, to: 'onnx' }));
  }

  private send(request: PageLearnerRequest): void {
    this.worker.postMessage(request);
  }

  private ask<T>(request: (id: number) => LearnerRequest): Promise<T> {
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.send(request(id));
    });
  }

  private receive(reply: PageLearnerReply): void {
    if (reply.kind === 'event') {
      this.on.event(reply.event);
      return;
    }
    if (reply.kind === 'download') {
      this.on.download(reply.name, reply.file);
      return;
    }
    if (reply.kind === 'ready') {
      this.settleReady(reply);
      return;
    }
    const waiting = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if (reply.kind === 'answer') waiting?.resolve(reply.value as never);
    else waiting?.reject(new BackendError(reply.code === 'no-model' ? 409 : 500, reply.code, reply.message));
  }
}
