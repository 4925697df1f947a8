/** Runtimes run graphs: one small interface, implemented for Node (`node.ts`) and for the web (`web.ts`). */
import type { DType, Shape, Target, TensorData } from '../graph/index.js';
import type { ArrayUpdate } from './device-state.js';
import type { View } from './host-buffer.js';

export type Device = 'cpu' | 'cuda' | 'webgpu' | 'coreml' | 'dml' | 'wasm';

/**
 * The execution provider of a device. On WebGPU, convolutions keep the layout N×C×H×W. By default ONNX Runtime 1.30
 * rewrites them for N×H×W×C. It then moves transposes past masks of bool, which WebGPU cannot transpose and the CPU
 * has to; and its transposed convolution is wrong in that layout where the result has one channel.
 */
export const executionProvider = (device: Device) =>
  device === 'webgpu' ? ({ name: device, preferredLayout: 'NCHW' } as const) : device;

/** The session option that keeps the named results on the device. */
export const outputLocations = (kept: readonly string[] = []) =>
  kept.length > 0 && {
    preferredOutputLocation: Object.fromEntries(kept.map((name) => [name, 'gpu-buffer'] as const)),
  };

/** A tensor that a session reads or writes. */
export interface Binding {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** The memory of its values. */
  readonly view: View;
}

/** Tensors on the device, by keys that are valid in a whole runtime: one session's results are another's inputs. */
export interface KeptTensors {
  /** Inputs whose values are on the device already: key by input. */
  readonly feeds: Readonly<Record<string, string>>;
  /** Results that stay on the device and replace the tensor that had the key: key by result. */
  readonly results: Readonly<Record<string, string>>;
}

export const NOTHING_KEPT: KeptTensors = { feeds: {}, results: {} };

export interface SessionOptions {
  /** Writes ONNX Runtime's own profile (JSON, Chrome trace) to a file with this prefix. Node only. */
  readonly profile?: string;
  /** Folder of the files in which the model says that its constants lie. Node only. */
  readonly constantsFolder?: string;
  /** Results that stay on the device after every run. Needs a runtime that {@link Runtime.keepsTensors}. */
  readonly kept?: readonly string[];
}

export interface Session {
  /**
   * Runs the graph once. Results named in `into` are written to those views, results in `kept` stay on the device, and
   * results in `fresh` are returned as new arrays. The buffers of `feeds` and `into` are lent for the time of the run.
   */
  run(
    feeds: readonly Binding[],
    into: readonly Binding[],
    fresh: readonly string[],
    kept?: KeptTensors,
  ): Promise<Record<string, TensorData>>;
  /** Frees the session's memory. Ends profiling. */
  release(): Promise<void>;
}

export interface Runtime {
  readonly device: Device;
  /** The target that graphs are lowered for. */
  readonly target: Target;
  /** Threads that one run uses. */
  readonly threads: number;
  /** Whether results can stay on the device, to be read by later runs. */
  readonly keepsTensors: boolean;
  /** Loads a model. Its bytes may be transferred to a worker: do not use them afterwards. */
  load(model: Uint8Array, options?: SessionOptions): Promise<Session>;
  /** Applies rules to arrays of the host on all threads. Absent if there is only one. */
  readonly kernels?: { update(updates: readonly ArrayUpdate[]): Promise<void> };
  /** Frees kept tensors. Unknown keys are ignored. */
  drop(keys: readonly string[]): Promise<void>;
  /** Releases every session, and ends the worker if there is one. */
  close(): Promise<void>;
}
