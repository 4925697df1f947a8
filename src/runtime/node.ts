/** The runtime for Node: onnxruntime-node in a worker thread. */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import type { Target, TensorData } from '../graph/index.js';
import { CPU, PORTABLE, WEBGPU } from '../graph/index.js';
import { convolutionBlock } from './convolution-block.js';
import { KeptStore } from './kept-store.js';
import type { HostBuffer } from './host-buffer.js';
import { NodeKernels } from './node-kernels.js';
import type { LocalBinding, TensorStore } from './node-sessions.js';
import { COMPILED } from './node-thread.js';
import type { Reply, Request, SentBinding } from './node-worker.js';
import type { Binding, Device, KeptTensors, Runtime, Session, SessionOptions } from './runtime.js';
import { NOTHING_KEPT } from './runtime.js';
import { takeSessionThread } from './session-thread.js';

export interface NodeRuntimeOptions {
  /** Default `cpu`. The others need an ONNX Runtime build that has them. */
  readonly device?: Device;
  /** Threads of one run; default: all cores. */
  readonly threads?: number;
  /** Whether sessions live in a worker thread (default). Without one, a run blocks the caller. */
  readonly worker?: boolean;
  /**
   * Whether graphs with weights as inputs will run (default true). If so, the layout that this machine's ONNX Runtime
   * has for convolutions is detected once per process, which takes a fifth of a second.
   */
  readonly training?: boolean;
  /** The target that graphs are lowered for; default: by device. */
  readonly target?: Target;
}

const TARGETS: Record<Device, Target> = {
  cpu: CPU,
  wasm: CPU,
  webgpu: WEBGPU,
  cuda: { ...PORTABLE, name: 'cuda' },
  coreml: { ...PORTABLE, name: 'coreml' },
  dml: { ...PORTABLE, name: 'dml' },
};

/** Opens onnxruntime-node on a device. @throws PixelwiseError `device` if this machine's ONNX Runtime does not have it. */
export async function createNodeRuntime(options: NodeRuntimeOptions = {}): Promise<Runtime> {
  const { device = 'cpu', threads = availableParallelism(), worker = COMPILED, training = true } = options;
  await checkDevice(device);
  const host: SessionHost = worker ? new WorkerHost() : new InlineHost();
  const kernels = worker && threads > 1 ? new NodeKernels(threads) : undefined;
  const runtime: Runtime = {
    device,
    target: options.target ?? TARGETS[device],
    threads,
    keepsTensors: device === 'webgpu',
    async load(model: Uint8Array, options: SessionOptions = {}) {
      try {
        return await host.load(model, { ...options, device, threads });
      } catch (error) {
        throw explain(error, device);
      }
    },
    ...(kernels && { kernels }),
    drop: (keys) => host.drop(keys),
    async close() {
      await kernels?.close();
      await host.close();
    },
  };
  if (device !== 'cpu' || options.target || !training) return runtime;
  try {
    blockOfMachine ??= await convolutionBlock(runtime);
  } catch (error) {
    await host.close();
    throw error;
  }
  return { ...runtime, target: { ...runtime.target, convolutionBlock: blockOfMachine } };
}

/** Detected once per process. */
let blockOfMachine: number | undefined;

/**
 * Checks a device in a moment, before any work is done for it.
 * @throws PixelwiseError `device` if this machine's onnxruntime-node does not have the device.
 */
export async function checkDevice(device: Device): Promise<void> {
  // Every ONNX Runtime has it. Loading the library on this thread, too, would only take time.
  if (device === 'cpu') return;
  const { listSupportedBackends } = (await import('onnxruntime-node')) as unknown as {
    listSupportedBackends?: () => readonly { readonly name: string }[];
  };
  const names = listSupportedBackends?.().map(({ name }) => name) ?? ['cpu'];
  if (!names.includes(device)) {
    throw new PixelwiseError(
      'device',
      `device "${device}" is not in this machine's ONNX Runtime, which has: ${names.join(', ')}. Choose one of these with --device.`,
    );
  }
  if (device === 'cuda' && !hasCudaLibrary()) {
    throw new PixelwiseError(
      'device',
      'no CUDA graphics card can be used: onnxruntime-node was installed without its CUDA library.\n' +
        'Use --device webgpu or --device cpu, or reinstall onnxruntime-node with ONNXRUNTIME_NODE_INSTALL=cuda12.',
    );
  }
}

/** Whether the install script of onnxruntime-node fetched the library for CUDA, which the package does not contain. */
function hasCudaLibrary(): boolean {
  const { platform, arch } = process;
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  const folders = join(dirname(entry), '..', 'bin');
  const name = platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so';
  return readdirSync(folders).some((version) => existsSync(join(folders, version, platform, arch, name)));
}

/** How ONNX Runtime (on CPU and GPU), V8 and C++ report that memory ran out. */
const OUT_OF_MEMORY =
  /failed to allocate memory|bad_alloc|bfc_?arena|available memory of|out of memory|array buffer allocation failed/i;

/** An error of ONNX Runtime with a hint on what to do. Its code is `memory` if memory ran out. */
export function explain(error: unknown, device: Device): PixelwiseError {
  const message = error instanceof Error ? error.message : String(error);
  if (OUT_OF_MEMORY.test(message)) {
    return new PixelwiseError('memory', `ONNX Runtime ran out of memory on ${device}: ${message}`, {
      cause: error,
    });
  }
  const hint = device === 'cpu' ? '' : ` (device "${device}": ${advice(message)} --device cpu always works)`;
  return new PixelwiseError('runtime', `ONNX Runtime: ${message}${hint}`, { cause: error });
}

/** The likely cause of an error on a device other than the CPU. */
const advice = (message: string) =>
  /while running \w+ node/.test(message)
    ? 'it cannot compute this operator. A run folder is written for the device that it is opened on, an ONNX file for any.'
    : 'is its driver installed?';

interface HostSettings {
  readonly device: Device;
  readonly threads: number;
  readonly profile?: string | undefined;
  readonly kept?: readonly string[] | undefined;
  readonly constantsFolder?: string | undefined;
}

interface SessionHost {
  load(model: Uint8Array, settings: HostSettings): Promise<Session>;
  drop(keys: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Sessions on this thread. */
class InlineHost implements SessionHost {
  private readonly open = new Set<Session>();
  private readonly store: TensorStore = new KeptStore();

  async load(model: Uint8Array, settings: HostSettings): Promise<Session> {
    const { createSession, runSession } = await import('./node-sessions.js');
    const inner = await createSession(model, settings);
    const local = ({ view, ...rest }: Binding): LocalBinding => ({
      ...rest,
      memory: view.buffer.bytes,
      byteOffset: view.byteOffset,
    });
    const session: Session = {
      run: async (feeds, into, fresh, kept = NOTHING_KEPT) => {
        try {
          return await runSession(inner, feeds.map(local), into.map(local), fresh, kept, this.store);
        } catch (error) {
          throw explain(error, settings.device);
        }
      },
      release: async () => {
        if (this.open.delete(session)) await this.store.release(inner);
      },
    };
    this.open.add(session);
    return session;
  }

  drop(keys: readonly string[]): Promise<void> {
    return this.store.drop(keys);
  }

  async close(): Promise<void> {
    await this.store.clear();
    await Promise.all([...this.open].map((session) => session.release()));
  }
}

/** Sessions in a worker thread. */
class WorkerHost implements SessionHost {
  private readonly thread = takeSessionThread();
  private readonly open = new Set<Session>();

  private async done(request: Request, transfer: ArrayBuffer[] = []): Promise<Reply> {
    const reply = await this.thread.ask(request, transfer);
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply;
  }

  async load(model: Uint8Array, settings: HostSettings): Promise<Session> {
    const id = this.thread.newId();
    // A model with its weights as constants is large: its bytes are transferred to the worker instead of copied.
    const whole = model.byteLength === model.buffer.byteLength;
    await this.done({ kind: 'load', id, model, settings }, whole ? [model.buffer as ArrayBuffer] : []);
    const session: Session = {
      run: (feeds, into, fresh, kept = NOTHING_KEPT) =>
        this.run(id, settings.device, feeds, into, fresh, kept),
      release: async () => {
        if (this.open.delete(session))
          await this.done({ kind: 'release', id: this.thread.newId(), session: id });
      },
    };
    this.open.add(session);
    return session;
  }

  private async run(
    session: number,
    device: Device,
    feeds: readonly Binding[],
    into: readonly Binding[],
    fresh: readonly string[],
    kept: KeptTensors,
  ): Promise<Record<string, TensorData>> {
    const lent = new Map<HostBuffer, number>();
    const sent = ({ view, name, dtype, shape }: Binding): SentBinding => {
      let memory = lent.get(view.buffer);
      if (memory === undefined) lent.set(view.buffer, (memory = lent.size));
      return { name, dtype, shape, memory, byteOffset: view.byteOffset };
    };
    const content = { feeds: feeds.map(sent), into: into.map(sent) };
    const holders = [...lent.keys()];
    // All or none: if another run still has one of the buffers, this throws before any is lent.
    holders.forEach((buffer) => void buffer.bytes);
    const buffers = holders.map((buffer) => buffer.lend());
    const reply = await this.thread.ask(
      { kind: 'run', id: this.thread.newId(), session, buffers, fresh, kept, ...content },
      buffers,
    );
    holders.forEach((buffer, i) => buffer.restore(reply.buffers![i]!));
    if (reply.error !== undefined) throw explain(reply.error, device);
    return { ...reply.results };
  }

  async drop(keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.done({ kind: 'drop', id: this.thread.newId(), keys });
  }

  async close(): Promise<void> {
    if (!this.thread.ended) await this.done({ kind: 'clear', id: this.thread.newId() });
    await Promise.all([...this.open].map((session) => session.release()));
    await this.thread.terminate();
  }
}
