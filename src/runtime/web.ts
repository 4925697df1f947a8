/**
 * The runtime for the web: onnxruntime-web on WebAssembly or WebGPU. The caller passes the module in, so that a page
 * bundles the build that it needs (`onnxruntime-web`, `onnxruntime-web/webgpu`) and Node needs neither.
 */
import type * as Ort from 'onnxruntime-common';
import { PixelwiseError } from '../errors/index.js';
import type { Target, TensorData } from '../graph/index.js';
import { CPU, WEBGPU } from '../graph/index.js';
import { arrayAt } from './host-buffer.js';
import type { Binding, Runtime, Session } from './runtime.js';
import { KeptStore } from './kept-store.js';
import { executionProvider, NOTHING_KEPT, outputLocations } from './runtime.js';

export interface WebRuntimeOptions {
  /** Default `wasm`. */
  readonly device?: 'wasm' | 'webgpu';
  /** WebGPU only: refuse graphs with operators that would run on WebAssembly instead. Default false. */
  readonly strict?: boolean;
  readonly target?: Target;
}

function explain(error: unknown, device: string): PixelwiseError {
  const message = error instanceof Error ? error.message : String(error);
  return new PixelwiseError('runtime', `ONNX Runtime Web (${device}): ${message}`, { cause: error });
}

/** Wraps an onnxruntime-web module. Its sessions run on the calling thread: in a page, use a worker. */
export function createWebRuntime(ort: typeof Ort, options: WebRuntimeOptions = {}): Runtime {
  const { device = 'wasm', strict = false } = options;
  const target = options.target ?? (device === 'webgpu' ? WEBGPU : { ...CPU, name: 'wasm' });
  const open = new Set<Session>();
  const store = new KeptStore<Ort.Tensor, Ort.InferenceSession>();
  const tensor = ({ dtype, shape, view }: Binding) =>
    new ort.Tensor(dtype, arrayAt(dtype, shape, view.buffer.bytes, view.byteOffset) as Float32Array, shape);
  return {
    device,
    target,
    threads: ort.env.wasm.numThreads ?? 1,
    keepsTensors: device === 'webgpu',
    drop: (keys) => store.drop(keys),
    async load(model, { kept: keptOutputs } = {}) {
      let inner: Ort.InferenceSession;
      try {
        inner = await ort.InferenceSession.create(model, {
          executionProviders: [executionProvider(device)],
          graphOptimizationLevel: 'all',
          ...outputLocations(keptOutputs),
          ...(device === 'webgpu' && strict && { extra: { session: { disable_cpu_ep_fallback: '1' } } }),
        });
      } catch (error) {
        throw explain(error, device);
      }
      const session: Session = {
        async run(feeds, into, fresh, kept = NOTHING_KEPT) {
          const results = await inner
            .run({
              ...Object.fromEntries(feeds.map((b) => [b.name, tensor(b)])),
              ...store.feeds(kept),
            })
            .catch((error: unknown) => {
              throw explain(error, device);
            });
          for (const { name, dtype, shape, view } of into) {
            // onnxruntime-web does not write to preallocated outputs, so the result is copied.
            const to = arrayAt(dtype, shape, view.buffer.bytes, view.byteOffset) as Float32Array;
            to.set(results[name]!.data as Float32Array);
          }
          await store.keep(kept, results, inner);
          return Object.fromEntries(fresh.map((name) => [name, results[name]!.data as TensorData]));
        },
        async release() {
          if (open.delete(session)) await store.release(inner);
        },
      };
      open.add(session);
      return session;
    },
    async close() {
      await store.clear();
      await Promise.all([...open].map((session) => session.release()));
    },
  };
}
