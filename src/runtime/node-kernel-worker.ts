/** The worker of `node-kernels.ts`: applies rules to the arrays that it is sent, and sends them back. */
import { parentPort } from 'node:worker_threads';
import type { KernelPlan } from './array-kernel.js';
import { ArrayKernel } from './array-kernel.js';
import { STARTED } from './node-thread.js';

export interface KernelRequest {
  readonly id: number;
  /** Each with the places of its arrays in `buffers`. */
  readonly jobs: readonly {
    readonly kind: string;
    readonly plan: KernelPlan;
    readonly numbers: Readonly<Record<string, number>>;
    readonly buffers: readonly number[];
  }[];
  readonly buffers: readonly ArrayBuffer[];
}

export interface KernelReply {
  readonly id: number;
  readonly buffers: readonly ArrayBuffer[];
  readonly error?: string;
}

const kernels = new Map<string, ArrayKernel>();

function kernelOf(kind: string, plan: KernelPlan): ArrayKernel {
  let kernel = kernels.get(kind);
  if (!kernel) kernels.set(kind, (kernel = new ArrayKernel(plan)));
  return kernel;
}

parentPort!.on('message', ({ id, jobs, buffers }: KernelRequest) => {
  let error: string | undefined;
  try {
    const arrays = buffers.map((buffer) => new Float32Array(buffer));
    for (const { kind, plan, numbers, buffers: places } of jobs) {
      kernelOf(kind, plan).update(
        numbers,
        places.map((place) => arrays[place]!),
      );
    }
  } catch (reason) {
    error = reason instanceof Error ? reason.message : String(reason);
  }
  const reply: KernelReply = { id, buffers, ...(error !== undefined && { error }) };
  parentPort!.postMessage(reply, [...buffers]);
});
parentPort!.postMessage({ id: STARTED });
