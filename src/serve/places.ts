/**
 * Back-pressure: a fixed number of requests are in the house, few of them at work at once, the others waiting
 * their turn. Who comes when it is full is told at once to come again, so memory stays bounded and nobody
 * waits for nothing.
 */
import { Refusal } from './refusal.js';

export interface PlacesOptions {
  /** Requests in the house, at work or waiting. */
  readonly places: number;
  /** Requests at work at once. */
  readonly atWork: number;
  /** Milliseconds after which one that still waits gives up. */
  readonly patience: number;
}

export class Places {
  private taken = 0;
  private working = 0;
  private readonly waiting: (() => void)[] = [];
  /** Seconds of work of late (exponential mean), by which `Retry-After` is told. */
  private usual = 0.5;

  constructor(private readonly options: PlacesOptions) {}

  /** Requests in the house. */
  get inside(): number {
    return this.taken;
  }

  /** Requests that wait for their turn. */
  get queued(): number {
    return this.waiting.length;
  }

  /** Takes a place for the time of `work`. Throws Refusal 503 where none is free. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    if (this.taken >= this.options.places) throw this.full('The server has all the work it takes.');
    this.taken++;
    try {
      return await work();
    } finally {
      this.taken--;
    }
  }

  /** Waits for a turn, then works. Throws Refusal 503 after the time that one waits, `signal.reason` once aborted. */
  async turn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.comesUp(signal);
    const started = performance.now();
    try {
      return await work();
    } finally {
      this.usual += 0.2 * ((performance.now() - started) / 1000 - this.usual);
      this.working--;
      this.waiting.shift()?.();
    }
  }

  private async comesUp(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.working < this.options.atWork) {
      this.working++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (why: unknown) => {
        const at = this.waiting.indexOf(go);
        if (at >= 0) this.waiting.splice(at, 1);
        settle();
        reject(why as Error);
      };
      const timer = setTimeout(
        () => leave(this.full('It waited its time and did not get its turn.')),
        this.options.patience,
      );
      const aborted = () => leave(signal.reason);
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
      };
      const go = () => {
        settle();
        this.working++;
        resolve();
      };
      signal.addEventListener('abort', aborted, { once: true });
      this.waiting.push(go);
    });
  }

  private full(why: string): Refusal {
    const seconds = Math.max(1, Math.ceil((this.usual * this.taken) / this.options.atWork));
    return new Refusal(503, 'busy', `${why} Try again in ${seconds} s.`, seconds);
  }
}
