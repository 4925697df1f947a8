/** A runtime that keeps tensors between runs as WebGPU does, for machines without it: on the CPU. */
import { arrayOf } from '../../src/graph/index.js';
import type { Target } from '../../src/graph/index.js';
import { CPU } from '../../src/graph/index.js';
import type { LocalBinding, TensorStore } from '../../src/runtime/node-sessions.js';
import { KeptStore } from '../../src/runtime/kept-store.js';
import { createSession, runSession } from '../../src/runtime/node-sessions.js';
import type { Binding, Runtime, Session } from '../../src/runtime/index.js';
import { NOTHING_KEPT } from '../../src/runtime/index.js';

export interface KeepingRuntime extends Runtime {
  load: Runtime['load'];
  /** What is kept now. */
  readonly store: TensorStore;
  /** Bytes that went up in runs so far. */
  readonly traffic: { up: number };
}

export function keepingRuntime(target: Target = CPU): KeepingRuntime {
  const store: TensorStore = new KeptStore();
  const traffic = { up: 0 };
  // As on the device: what is fed is copied there, so that nobody changes it afterwards.
  const fed = ({ name, dtype, shape, view }: Binding): LocalBinding => {
    const length = shape.reduce((a, b) => a * b, 1) * arrayOf(dtype, [0]).BYTES_PER_ELEMENT;
    traffic.up += length;
    const memory = view.buffer.bytes.slice(view.byteOffset, view.byteOffset + length);
    return { name, dtype, shape, memory, byteOffset: 0 };
  };
  return {
    device: 'cpu',
    target,
    threads: 1,
    keepsTensors: true,
    store,
    traffic,
    drop: (keys) => store.drop(keys),
    async load(model, { kept: stays = [] } = {}): Promise<Session> {
      const session = await createSession(model, { device: 'cpu', threads: 1 });
      return {
        release: () => store.release(session),
        run(feeds, into, fresh, kept = NOTHING_KEPT) {
          // A session leaves on the device what it was made to leave there, and nothing else.
          const stray = Object.keys(kept.results).find((name) => !stays.includes(name));
          if (stray !== undefined) throw new Error(`result "${stray}" does not stay on the device`);
          if (into.length > 0) throw new Error('results are not written into memory of the host here');
          return runSession(session, feeds.map(fed), [], fresh, kept, store);
        },
      };
    },
    close: () => store.clear(),
  };
}
