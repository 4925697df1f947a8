/** Whether there is a graphics processor to compute on. */

export interface MissingGpu {
  readonly why: string;
  /** Whether there is WebGPU all the same, computed by software. */
  readonly software: boolean;
}

/**
 * Why there is no graphics processor to be had; undefined where there is one. A software adapter counts as
 * none: WebAssembly is several times faster.
 */
export async function missingGpu({ gpu }: { readonly gpu?: GPU }): Promise<MissingGpu | undefined> {
  const none = (why: string): MissingGpu => ({ why, software: false });
  if (gpu === undefined) return none('this browser has no WebGPU');
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (adapter === null) return none('there is no graphics processor that WebGPU may use');
    if (!adapter.info.isFallbackAdapter) return undefined;
    return { why: 'WebGPU has only a software adapter here', software: true };
  } catch (error) {
    return none(`WebGPU refuses (${error instanceof Error ? error.message : String(error)})`);
  }
}
