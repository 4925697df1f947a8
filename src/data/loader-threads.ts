/**
 * Worker threads shared by all loaders of a process. Each thread reads, resizes and augments whole samples, so
 * that the work uses all cores and the training thread stays free. The result depends only on the request, not on
 * the thread.
 */
import { Worker } from 'node:worker_threads';
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import type { ClassMask } from '../images/raster.js';
import type { ObjectMask } from '../objects/index.js';
import type { StreamKey } from '../random/index.js';
import { ownMemory, type PairedSample } from './paired-sample.js';
import type { PipelineDescription } from './sample-pipeline.js';
import type { SampleReading } from './sample-reading.js';
import { COMPILED } from '../runtime/node-thread.js';

/** Source of a sample: files (with the mask, if it is drawn from annotations), or a resized sample from a cache. */
export type SampleSource =
  | { readonly reading: SampleReading; readonly drawn: ClassMask | ObjectMask | undefined }
  | { readonly fitted: PairedSample };

/** A pipeline with a unique number, so that each thread builds it only once. */
export interface NumberedPipeline {
  readonly key: number;
  readonly description: PipelineDescription;
}

export interface Request {
  readonly id: number;
  readonly pipeline: NumberedPipeline;
  readonly source: SampleSource;
  /** Keys of the random stream. */
  readonly keys: readonly StreamKey[];
  /** Whether to return the sample before augmentation too, for a cache. */
  readonly keep: boolean;
}

export interface Prepared {
  /** Augmented and normalised. */
  readonly sample: PairedSample;
  /** The sample before augmentation, if requested. */
  readonly kept?: PairedSample;
}

export interface Reply extends Partial<Prepared> {
  readonly id: number;
  readonly error?: { readonly message: string; readonly code?: string };
}

/** Whether worker threads can be used. */
export const THREADS_AVAILABLE = COMPILED;

/** Prepares a sample on the least busy of `count` threads, which start when first needed. */
export function prepareSample(count: number, request: Omit<Request, 'id'>): Promise<Prepared> {
  for (let i = threads.length; i < count; i++) threads.push(new Thread());
  let least = threads[0]!;
  for (const thread of threads.slice(0, count)) if (thread.load < least.load) least = thread;
  return least.prepare(request);
}

const threads: Thread[] = [];
let lastPipeline = 0;

/** Gives a pipeline a number for {@link prepareSample}. */
export function numberPipeline(description: PipelineDescription): NumberedPipeline {
  return { key: ++lastPipeline, description };
}

/** Error code for the failure of a thread, as opposed to a sample. */
export const THREAD_FAILED = 'loader';

interface PendingRequest {
  resolve(prepared: Prepared): void;
  reject(error: Error): void;
}

class Thread {
  private readonly worker = new Worker(new URL('./loader-worker.js', import.meta.url), {
    // Do not inherit this process's flags: some, such as `--input-type`, do not work with a file.
    execArgv: [],
  });
  private readonly pending = new Map<number, PendingRequest>();
  private nextId = 0;

  constructor() {
    this.worker.on('message', ({ id, error, sample, kept }: Reply) => {
      const entry = this.pending.get(id);
      this.pending.delete(id);
      if (this.pending.size === 0) this.worker.unref();
      if (error !== undefined) entry?.reject(errorOf(error));
      else entry?.resolve({ sample: sample!, ...(kept && { kept }) });
    });
    this.worker.on('error', (error) => this.end(error));
    this.worker.on('exit', (code) => this.end(new Error(`it ended with code ${code}`)));
    // An idle thread must not keep the process alive.
    this.worker.unref();
  }

  /** Number of pending requests. */
  get load(): number {
    return this.pending.size;
  }

  prepare(request: Omit<Request, 'id'>): Promise<Prepared> {
    const id = this.nextId++;
    const { source } = request;
    const fitted = 'fitted' in source ? source.fitted : undefined;
    return new Promise((resolve, reject) => {
      // Must be first: it throws if the request cannot be cloned, and then no reply would come.
      this.worker.postMessage({ ...request, id } satisfies Request, ownMemory(fitted));
      this.pending.set(id, { resolve, reject });
      this.worker.ref();
    });
  }

  /** Removes the thread (a new one is started when needed) and rejects its pending requests. */
  private end(cause: Error): void {
    const at = threads.indexOf(this);
    if (at >= 0) threads.splice(at, 1);
    for (const { reject } of this.pending.values()) {
      reject(
        new PixelwiseError(THREAD_FAILED, `A thread that reads samples failed: ${cause.message}.`, { cause }),
      );
    }
    this.pending.clear();
  }
}

/** Rebuilds an error that a thread sent, without its cause. */
function errorOf({ message, code }: NonNullable<Reply['error']>): Error {
  if (code === undefined) return new Error(message);
  if (code === 'usage') return new UsageError(message);
  return code === 'shape' ? new ShapeError(message) : new PixelwiseError(code, message);
}
