/**
 * The threads that all loaders of a process share. Each reads, resizes and augments whole samples, so that the
 * arithmetic uses every core and the thread that trains stays free. What a sample becomes depends on nothing
 * but its request: the same bytes whichever thread it falls to.
 */
import { Worker } from 'node:worker_threads';
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import type { ClassMask } from '../images/raster.js';
import type { StreamKey } from '../random/index.js';
import { ownMemory, type PairedSample } from './paired-sample.js';
import type { PipelineDescription } from './sample-pipeline.js';
import type { SampleReading } from './sample-reading.js';

/** Where a sample comes from: files (with its mask, where that is drawn), or a cache that had it fitted. */
export type SampleSource =
  | { readonly reading: SampleReading; readonly drawn: ClassMask | undefined }
  | { readonly fitted: PairedSample };

/** A pipeline under a number of its own, so that a thread builds it once. */
export interface SentPipeline {
  readonly key: number;
  readonly description: PipelineDescription;
}

export interface Request {
  readonly id: number;
  readonly pipeline: SentPipeline;
  readonly source: SampleSource;
  /** Names the draws. */
  readonly keys: readonly StreamKey[];
  /** Whether the sample as fitted is wanted too, for a cache. */
  readonly keep: boolean;
}

export interface Prepared {
  /** Augmented and normalised. */
  readonly sample: PairedSample;
  /** As fitted, where asked for. */
  readonly kept?: PairedSample;
}

export interface Reply extends Partial<Prepared> {
  readonly id: number;
  readonly error?: { readonly message: string; readonly code?: string };
}

// Run from its TypeScript source (in tests), this file has no compiled worker beside it.
const COMPILED = !import.meta.url.endsWith('.ts');

/** Whether threads can be had at all. */
export const THREADS_AVAILABLE = COMPILED;

/** Has a sample prepared by one of `count` threads, which start when first needed. */
export function prepareSample(count: number, request: Omit<Request, 'id'>): Promise<Prepared> {
  for (let i = threads.length; i < count; i++) threads.push(new Thread());
  let least = threads[0]!;
  for (const thread of threads.slice(0, count)) if (thread.load < least.load) least = thread;
  return least.prepare(request);
}

const threads: Thread[] = [];
let lastPipeline = 0;

/** Numbers a pipeline for {@link prepareSample}. */
export function numberPipeline(description: PipelineDescription): SentPipeline {
  return { key: ++lastPipeline, description };
}

/** Code of the error where a thread failed, and not a sample. */
export const THREAD_FAILED = 'loader';

interface Waiting {
  resolve(prepared: Prepared): void;
  reject(error: Error): void;
}

class Thread {
  private readonly worker = new Worker(new URL('./loader-worker.js', import.meta.url), {
    // Not the flags of this process: of `node --input-type=module --eval …` they would fit no file.
    execArgv: [],
  });
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;

  constructor() {
    this.worker.on('message', ({ id, error, sample, kept }: Reply) => {
      const entry = this.waiting.get(id);
      this.waiting.delete(id);
      if (this.waiting.size === 0) this.worker.unref();
      if (error !== undefined) entry?.reject(errorOf(error));
      else entry?.resolve({ sample: sample!, ...(kept && { kept }) });
    });
    this.worker.on('error', (error) => this.end(error));
    this.worker.on('exit', (code) => this.end(new Error(`it ended with code ${code}`)));
    // Waiting for work must not keep the process alive.
    this.worker.unref();
  }

  /** Samples under way. */
  get load(): number {
    return this.waiting.size;
  }

  prepare(request: Omit<Request, 'id'>): Promise<Prepared> {
    const id = this.nextId++;
    const { source } = request;
    const fitted = 'fitted' in source ? source.fitted : undefined;
    return new Promise((resolve, reject) => {
      // First of all, since it throws for what cannot be sent: then there is nothing to wait for.
      this.worker.postMessage({ ...request, id } satisfies Request, ownMemory(fitted));
      this.waiting.set(id, { resolve, reject });
      this.worker.ref();
    });
  }

  /** Another thread takes its place; what it had under way has failed. */
  private end(cause: Error): void {
    const at = threads.indexOf(this);
    if (at >= 0) threads.splice(at, 1);
    for (const { reject } of this.waiting.values()) {
      reject(
        new PixelwiseError(THREAD_FAILED, `A thread that reads samples failed: ${cause.message}.`, { cause }),
      );
    }
    this.waiting.clear();
  }
}

/** An error as it was thrown in the thread, but for its cause. */
function errorOf({ message, code }: NonNullable<Reply['error']>): Error {
  if (code === undefined) return new Error(message);
  if (code === 'usage') return new UsageError(message);
  return code === 'shape' ? new ShapeError(message) : new PixelwiseError(code, message);
}
