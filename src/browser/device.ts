/** What computes in a browser: WebGPU where there is a real one, else WebAssembly on as many threads as may be had. */

/** `auto`: WebGPU where there is a graphics processor that runs the model, else WebAssembly. */
export type DeviceChoice = 'auto' | 'webgpu' | 'wasm';

export interface ChosenDevice {
  readonly device: 'webgpu' | 'wasm';
  /** Threads of WebAssembly: 1 unless the page is cross-origin isolated. */
  readonly threads: number;
  /** Why `auto` did not take WebGPU. */
  readonly withoutWebGpu: string | undefined;
}

/** More threads than this do not make a network of this kind faster in a browser. */
const MOST_THREADS = 8;

/**
 * How many threads WebAssembly may use: as many as asked for, by default one a core and at most
 * {@link MOST_THREADS}. They share memory, which browsers give to cross-origin isolated pages alone.
 */
export function wasmThreads(
  asked: number | undefined,
  surroundings: { readonly crossOriginIsolated: boolean; readonly hardwareConcurrency: number },
): number {
  if (!surroundings.crossOriginIsolated) return 1;
  return asked ?? Math.max(1, Math.min(MOST_THREADS, surroundings.hardwareConcurrency));
}
