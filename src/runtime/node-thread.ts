/** A worker thread of Node that answers requests, each with one reply. */
import { Worker } from 'node:worker_threads';

/** Run from their TypeScript source (in tests), modules have no compiled worker beside them. */
export const COMPILED = !import.meta.url.endsWith('.ts');

/** The id of the first message of a thread: its modules are loaded. */
export const STARTED = -1;

export class NodeThread<Request extends { readonly id: number }, Reply extends { readonly id: number }> {
  private readonly worker: Worker;
  private readonly waiting = new Map<
    number,
    { resolve: (reply: Reply) => void; reject: (error: Error) => void }
  >();
  /** Settles when the thread has loaded its modules. A native module that is loading when its thread ends aborts the process. */
  private readonly started: Promise<unknown>;
  private nextId = 0;
  private failure: Error | undefined;

  /** @param file the compiled worker, which posts {@link STARTED}. @param role what the thread does, for messages. @param data what it starts with. */
  constructor(file: URL, role: string, data?: unknown) {
    // Without the flags of this process: those of `node --input-type=module --eval …` do not fit a file.
    this.worker = new Worker(file, { execArgv: [], workerData: data });
    this.worker.on('message', (reply: Reply) => {
      const entry = this.waiting.get(reply.id);
      this.waiting.delete(reply.id);
      if (this.waiting.size === 0) this.worker.unref();
      entry?.resolve(reply);
    });
    this.worker.on('error', (error) => this.end(error));
    this.worker.on('exit', (code) => this.end(new Error(`the worker that ${role} ended (code ${code})`)));
    // Until then the process stays alive. An idle worker must not keep it alive.
    this.started = new Promise((resolve) => this.waiting.set(STARTED, { resolve, reject: resolve }));
  }

  private end(error: Error): void {
    this.failure = error;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }

  /** Whether the thread has ended. */
  get ended(): boolean {
    return this.failure !== undefined;
  }

  newId(): number {
    return this.nextId++;
  }

  /** @param transfer memory that moves to the thread. */
  ask(request: Request, transfer: readonly ArrayBuffer[]): Promise<Reply> {
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      // First, because it throws for what cannot be sent: then there is nothing to wait for.
      this.worker.postMessage(request, [...transfer]);
      this.waiting.set(request.id, { resolve, reject });
      this.worker.ref();
    });
  }

  async terminate(): Promise<void> {
    await this.started;
    await this.worker.terminate();
  }
}
