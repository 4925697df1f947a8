/** The worker thread of the sessions, so that the main thread can do other work while a graph runs. */
import { parentPort } from 'node:worker_threads';
import type { InferenceSession } from 'onnxruntime-node';
import type { LocalBinding, NodeSessionSettings, TensorStore } from './node-sessions.js';
import { KeptStore } from './kept-store.js';
import { createSession, runSession } from './node-sessions.js';
import { STARTED } from './node-thread.js';
import type { KeptTensors } from './runtime.js';

/** A binding as it is sent to the worker: its memory is an index into the list of transferred buffers. */
export interface SentBinding extends Omit<LocalBinding, 'memory'> {
  readonly memory: number;
}

export type Request =
  | {
      readonly kind: 'load';
      readonly id: number;
      readonly model: Uint8Array;
      readonly settings: NodeSessionSettings;
    }
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly session: number;
      readonly buffers: readonly ArrayBuffer[];
      readonly feeds: readonly SentBinding[];
      readonly into: readonly SentBinding[];
      readonly fresh: readonly string[];
      readonly kept: KeptTensors;
    }
  | { readonly kind: 'drop'; readonly id: number; readonly keys: readonly string[] }
  | { readonly kind: 'clear'; readonly id: number }
  | { readonly kind: 'release'; readonly id: number; readonly session: number };

export interface Reply {
  readonly id: number;
  readonly error?: string;
  /** The buffers that were lent for the run. */
  readonly buffers?: readonly ArrayBuffer[];
  readonly results?: Readonly<Record<string, Float32Array | Int32Array | BigInt64Array | Uint8Array>>;
}

const port = parentPort!;
const sessions = new Map<number, InferenceSession>();
const store: TensorStore = new KeptStore();

async function answer(request: Request): Promise<Omit<Reply, 'id'>> {
  switch (request.kind) {
    case 'load':
      sessions.set(request.id, await createSession(request.model, request.settings));
      return {};
    case 'drop':
      await store.drop(request.keys);
      return {};
    case 'clear':
      await store.clear();
      return {};
    case 'release': {
      const session = sessions.get(request.session);
      sessions.delete(request.session);
      if (session) await store.release(session);
      return {};
    }
    case 'run': {
      const local = (b: SentBinding): LocalBinding => ({ ...b, memory: request.buffers[b.memory]! });
      const session = sessions.get(request.session)!;
      const results = await runSession(
        session,
        request.feeds.map(local),
        request.into.map(local),
        request.fresh,
        request.kept,
        store,
      );
      return { results };
    }
  }
}

port.on('message', (request: Request) => {
  const buffers = request.kind === 'run' ? request.buffers : [];
  const reply = (content: Omit<Reply, 'id'>) => {
    const own = Object.values(content.results ?? {}).map((array) => array.buffer as ArrayBuffer);
    port.postMessage({ id: request.id, buffers, ...content }, [...buffers, ...new Set(own)]);
  };
  answer(request).then(reply, (error: unknown) =>
    reply({ error: error instanceof Error ? error.message : String(error) }),
  );
});
port.postMessage({ id: STARTED });
