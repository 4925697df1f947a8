/**
 * Rules over arrays on several threads of Node. The calling thread takes a share, worker threads the others. Arrays
 * are transferred to a worker and back: each array is updated whole by one thread, so the result has the same bits
 * on any number of threads.
 */
import type { ArrayUpdate, NamedDeviceArrays } from './device-state.js';
import { HostKernels } from './device-state.js';
import type { HostBuffer } from './host-buffer.js';
import type { KernelReply, KernelRequest } from './node-kernel-worker.js';
import { NodeThread } from './node-thread.js';

/** With fewer elements in total, threads cost more time than they save: a message takes about 0.1 ms. */
const PARALLEL_FROM = 200_000;

/** One application of a rule. */
interface Task {
  readonly update: ArrayUpdate;
  readonly arrays: NamedDeviceArrays;
  readonly size: number;
}

export class NodeKernels {
  private readonly own = new HostKernels();
  private helpers: KernelThread[] | undefined;

  /** @param threads threads of an update, the caller's included. */
  constructor(private readonly threads: number) {}

  async update(updates: readonly ArrayUpdate[]): Promise<void> {
    const tasks = updates.flatMap((update) =>
      update.arrays.map((arrays): Task => ({ update, arrays, size: Object.values(arrays)[0]!.size })),
    );
    const total = tasks.reduce((sum, { size }) => sum + size, 0);
    if (total < PARALLEL_FROM) return this.own.update(updates);
    const [first, ...others] = shareOut(tasks, this.threads);
    this.helpers ??= others.map(() => new KernelThread());
    const replies = others.map((share, i) => this.helpers![i]!.run(share, this.own));
    const own = this.own.update(
      first!.map(({ update, arrays }) => ({ rule: update.rule, arrays: [arrays] })),
    );
    await Promise.all([own, ...replies]);
  }

  async close(): Promise<void> {
    await Promise.all((this.helpers ?? []).map((helper) => helper.close()));
    this.helpers = undefined;
  }
}

/** The largest task first, each to the share that has least so far. */
function shareOut(tasks: readonly Task[], count: number): Task[][] {
  const shares = Array.from({ length: count }, () => ({ tasks: [] as Task[], size: 0 }));
  for (const task of [...tasks].sort((a, b) => b.size - a.size)) {
    const least = shares.reduce((a, b) => (b.size < a.size ? b : a));
    least.tasks.push(task);
    least.size += task.size;
  }
  return shares.map((share) => share.tasks);
}

/** A worker thread that updates the arrays that it is sent, and sends them back. */
class KernelThread {
  private readonly thread = new NodeThread<KernelRequest, KernelReply>(
    new URL('./node-kernel-worker.js', import.meta.url),
    'updates arrays',
  );

  async run(tasks: readonly Task[], kernels: HostKernels): Promise<void> {
    if (tasks.length === 0) return;
    const places = new Map<HostBuffer, number>();
    const jobs = tasks.map(({ update: { rule }, arrays }) => {
      const { plan } = kernels.kernelOf(rule);
      const buffers = plan.arrays.map((name) => {
        const { buffer } = arrays[name]!.storage;
        if (!places.has(buffer)) places.set(buffer, places.size);
        return places.get(buffer)!;
      });
      return { kind: rule.kind, plan, numbers: rule.numbers, buffers };
    });
    const holders = [...places.keys()];
    const buffers = holders.map((buffer) => buffer.lend());
    const reply = await this.thread.ask({ id: this.thread.newId(), jobs, buffers }, buffers);
    holders.forEach((buffer, i) => buffer.restore(reply.buffers[i]!));
    if (reply.error !== undefined) throw new Error(reply.error);
  }

  close(): Promise<void> {
    return this.thread.terminate();
  }
}
