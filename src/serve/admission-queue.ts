/**
 * Back-pressure. The server admits a fixed number of requests; a few of them run at once, and the others wait. A
 * request beyond that gets 503 immediately, so memory stays bounded.
 *
 * Written by hand because p-limit cannot remove a waiting task: a client that has gone would keep its image in memory.
 */
import { HttpError } from './http-error.js';

export interface AdmissionOptions {
  /** Requests admitted at once, running or waiting. */
  readonly capacity: number;
  /** Requests that run at once. */
  readonly concurrency: number;
  /** Milliseconds that a request waits for its turn before it gets 503. */
  readonly timeout: number;
}

export class AdmissionQueue {
  private admitted = 0;
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  /** Exponential mean of the seconds that recent requests ran, from which `Retry-After` is estimated. */
  private meanSeconds = 0.5;

  constructor(private readonly options: AdmissionOptions) {}

  /** Requests admitted: being received, waiting or running. */
  get inside(): number {
    return this.admitted;
  }

  /** Requests waiting for their turn. */
  get queued(): number {
    return this.waiting.length;
  }

  /** Runs `work` as an admitted request. Throws HttpError 503 if the queue is full. */
  async admit<T>(work: () => Promise<T>): Promise<T> {
    if (this.admitted >= this.options.capacity) throw this.busy('The server is full.');
    this.admitted++;
    try {
      return await work();
    } finally {
      this.admitted--;
    }
  }

  /** Waits for a turn, then runs `work`. Throws HttpError 503 after the timeout, `signal.reason` once aborted. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.turn(signal);
    const started = performance.now();
    try {
      return await work();
    } finally {
      this.meanSeconds += 0.2 * ((performance.now() - started) / 1000 - this.meanSeconds);
      this.running--;
      this.waiting.shift()?.();
    }
  }

  private async turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.running < this.options.concurrency) {
      this.running++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (reason: unknown) => {
        const at = this.waiting.indexOf(start);
        if (at >= 0) this.waiting.splice(at, 1);
        settle();
        reject(reason as Error);
      };
      const timer = setTimeout(
        () => leave(this.busy('The request waited too long for its turn.')),
        this.options.timeout,
      );
      const onAbort = () => leave(signal.reason);
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const start = () => {
        settle();
        this.running++;
        resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.waiting.push(start);
    });
  }

  private busy(reason: string): HttpError {
    const seconds = Math.max(1, Math.ceil((this.meanSeconds * this.admitted) / this.options.concurrency));
    return new HttpError(503, 'busy', `${reason} Try again in ${seconds} s.`, seconds);
  }
}
