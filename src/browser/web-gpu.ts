/** Checks if the browser has a GPU that WebGPU can use. */

export interface MissingGpu {
  readonly why: string;
  /** Whether WebGPU works all the same, on a software adapter. */
  readonly software: boolean;
}

/**
 * Why there is no usable GPU, or undefined if there is one. A software adapter does not count, because
 * WebAssembly is several times faster.
 */
export async function missingGpu({ gpu }: { readonly gpu?: GPU }): Promise<MissingGpu | undefined> {
  const none = (why: string): MissingGpu => ({ why, software: false });
  if (gpu === undefined) return none('this browser has no WebGPU');
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (adapter === null) return none('there is no GPU that WebGPU can use');
    if (!adapter.info.isFallbackAdapter) return undefined;
    return { why: 'WebGPU has only a software adapter', software: true };
  } catch (error) {
    return none(`WebGPU failed (${error instanceof Error ? error.message : String(error)})`);
  }
}
