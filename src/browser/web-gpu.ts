/** Whether there is a graphics processor to compute on. */

/**
 * Why WebGPU is not to be had; undefined where it is. A software adapter counts as none: WebAssembly is
 * several times faster.
 */
export async function webGpuMissing({ gpu }: { readonly gpu?: GPU }): Promise<string | undefined> {
  if (gpu === undefined) return 'this browser has no WebGPU';
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (adapter === null) return 'there is no graphics processor that WebGPU may use';
    return adapter.info.isFallbackAdapter ? 'WebGPU has only a software adapter here' : undefined;
  } catch (error) {
    return `WebGPU refuses (${error instanceof Error ? error.message : String(error)})`;
  }
}
