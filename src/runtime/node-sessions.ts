/** Sessions of onnxruntime-node on the calling thread. `node-worker.ts` runs this in a worker. */
import * as ort from 'onnxruntime-node';
import type { TensorData } from '../graph/index.js';
import { arrayAt } from './host-buffer.js';
import type { KeptStore } from './kept-store.js';
import type { Device, KeptTensors } from './runtime.js';
import { executionProvider, outputLocations } from './runtime.js';

/** A tensor in memory that this thread owns. */
export interface LocalBinding {
  readonly name: string;
  readonly dtype: 'float32' | 'int32' | 'int64' | 'uint8' | 'bool';
  readonly shape: readonly number[];
  readonly memory: ArrayBuffer;
  readonly byteOffset: number;
}

export interface NodeSessionSettings {
  readonly device: Device;
  readonly threads: number;
  readonly profile?: string | undefined;
  readonly kept?: readonly string[] | undefined;
}

export type TensorStore = KeptStore<ort.Tensor, ort.InferenceSession>;

export async function createSession(
  model: Uint8Array,
  settings: NodeSessionSettings,
): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(model, {
    executionProviders: [executionProvider(settings.device)],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: settings.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // Lowers the peak memory of a training step from 2.50 to 1.53 GB, and is not slower.
    enableMemPattern: false,
    enableCpuMemArena: true,
    logSeverityLevel: 3,
    ...outputLocations(settings.kept),
    ...(settings.profile !== undefined && { enableProfiling: true, profileFilePrefix: settings.profile }),
  });
}

/**
 * Small blocks that keep the heap of a session's outputs. onnxruntime-node copies every output to a new ArrayBuffer, also
 * those with memory of their own. When these are freed, glibc may give whole heaps back to the system, and the next run
 * has to map them again page by page. A block above the outputs of the first runs prevents that. A step of the U-Net with
 * 31 million weights had 14,000 to 30,100 page faults without and 9,400 with them, one of SegNet 10,000 and 190. At 30,100
 * the step took a fifth longer.
 */
const anchors = new WeakMap<ort.InferenceSession, ArrayBuffer[]>();
const ANCHORED_RUNS = 3;
/** Less than the 128 KiB from which glibc maps a block of its own. */
const ANCHOR_BYTES = 100_000;

/** Call it while the outputs of a run are in memory. */
function anchorHeap(session: ort.InferenceSession): void {
  const own = anchors.get(session) ?? [];
  if (own.length < ANCHORED_RUNS) anchors.set(session, [...own, new ArrayBuffer(ANCHOR_BYTES)]);
}

const tensorAt = (b: LocalBinding) =>
  new ort.Tensor(b.dtype, arrayAt(b.dtype, b.shape, b.memory, b.byteOffset) as Float32Array, b.shape);

export async function runSession(
  session: ort.InferenceSession,
  feeds: readonly LocalBinding[],
  into: readonly LocalBinding[],
  fresh: readonly string[],
  kept: KeptTensors,
  store: TensorStore,
): Promise<Record<string, TensorData>> {
  const results = await session.run(
    {
      ...Object.fromEntries(feeds.map((b) => [b.name, tensorAt(b)])),
      ...store.feeds(kept),
    },
    {
      ...Object.fromEntries(into.map((b) => [b.name, tensorAt(b)])),
      ...Object.fromEntries([...fresh, ...Object.keys(kept.results)].map((n) => [n, null])),
    },
  );
  anchorHeap(session);
  await store.keep(kept, results, session);
  return Object.fromEntries(fresh.map((name) => [name, results[name]!.data as TensorData]));
}
