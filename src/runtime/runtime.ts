/**
 * What runs graphs: one small interface, implemented for Node (`node.ts`) and for the web (`web.ts`).
 */
import type { DType, Shape, Target, TensorData } from '../graph/index.js';
import type { View } from './host-buffer.js';

export type Device = 'cpu' | 'cuda' | 'webgpu' | 'coreml' | 'dml' | 'wasm';

/**
 * The device as ONNX Runtime's sessions want it named. On WebGPU, convolutions are left as they are
 * written: by default they are rewritten for N×H×W×C and the transposes moved about, over masks of bool
 * as well, which cannot be transposed there and go by way of the CPU; and the transposed convolution of
 * that layout is wrong where it gives one channel (ONNX Runtime 1.30).
 */
export const executionProvider = (device: Device) =>
  device === 'webgpu' ? ({ name: device, preferredLayout: 'NCHW' } as const) : device;

/** Where a session leaves its results: those named stay on the device. */
export const outputLocations = (kept: readonly string[] = []) =>
  kept.length > 0 && {
    preferredOutputLocation: Object.fromEntries(kept.map((name) => [name, 'gpu-buffer'] as const)),
  };

/** A tensor that a session reads or writes. */
export interface Binding {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Where its values are. */
  readonly view: View;
}

/** Tensors on the device, by keys that hold for a whole runtime: one session's results are another's inputs. */
export interface KeptTensors {
  /** Inputs that are there already: key by input. */
  readonly feeds: Readonly<Record<string, string>>;
  /** Results that stay there, in place of what had the key: key by result. */
  readonly results: Readonly<Record<string, string>>;
}

export const NOTHING_KEPT: KeptTensors = { feeds: {}, results: {} };

export interface SessionOptions {
  /** Writes ONNX Runtime's own profile (JSON, Chrome trace) to a file with this prefix. Node only. */
  readonly profile?: string;
  /** Results that every run leaves on the device; only where the runtime {@link Runtime.keepsTensors}. */
  readonly kept?: readonly string[];
}

export interface Session {
  /**
   * Runs the graph once. Results named in `into` are written there, those of `kept` stay on the device, all
   * others come back as fresh arrays. The buffers of `feeds` and `into` are lent for the time of the run.
   */
  run(
    feeds: readonly Binding[],
    into: readonly Binding[],
    fresh: readonly string[],
    kept?: KeptTensors,
  ): Promise<Record<string, TensorData>>;
  /** Frees what the session holds. Ends profiling. */
  release(): Promise<void>;
}

export interface Runtime {
  readonly device: Device;
  /** What graphs are lowered for. */
  readonly target: Target;
  /** Threads that one run uses. */
  readonly threads: number;
  /** Whether results can stay on the device for later runs to read. */
  readonly keepsTensors: boolean;
  /** Reads a model's bytes. The bytes may be taken over: do not use them afterwards. */
  load(model: Uint8Array, options?: SessionOptions): Promise<Session>;
  /** Frees kept tensors. Unknown keys are fine. */
  drop(keys: readonly string[]): Promise<void>;
  /** Ends every session, and the worker if there is one. */
  close(): Promise<void>;
}
