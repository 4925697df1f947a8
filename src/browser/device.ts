/**
 * Choice of device in a browser: WebGPU on a hardware GPU, else WebAssembly with as many threads as the page may
 * use.
 */

/** `auto`: WebGPU if there is a GPU that runs the model, else WebAssembly. */
export type DeviceChoice = 'auto' | 'webgpu' | 'wasm';

export interface ChosenDevice {
  readonly device: 'webgpu' | 'wasm';
  /** WebAssembly threads: 1 unless the page is cross-origin isolated. */
  readonly threads: number;
  /** Why `auto` did not choose WebGPU. */
  readonly withoutWebGpu: string | undefined;
}

/** More threads than this do not make a segmentation network faster in a browser. */
const MAX_THREADS = 8;

/**
 * Number of WebAssembly threads: the requested number, or by default one per core and at most {@link
 * MAX_THREADS}. Threads need shared memory, which browsers allow only in cross-origin isolated pages.
 */
export function wasmThreads(
  requested: number | undefined,
  page: { readonly crossOriginIsolated: boolean; readonly hardwareConcurrency: number },
): number {
  if (!page.crossOriginIsolated) return 1;
  return requested ?? Math.max(1, Math.min(MAX_THREADS, page.hardwareConcurrency));
}
