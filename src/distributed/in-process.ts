/**
 * Ranks as objects in one process, for tests. A collective operation runs once all ranks have called it. Sums are
 * added in the order of the ranks.
 */
import type { Communicator, Reduction } from './communicator.js';

type Work = (calls: readonly Call[]) => void;

interface Call {
  readonly name: string;
  readonly sent: Uint8Array;
  readonly done: (result: Uint8Array[]) => void;
  readonly failed: (error: Error) => void;
}

/** Makes the connected communicators of `size` ranks. */
export function inProcessRanks(size: number): Communicator[] {
  const waiting: Call[][] = Array.from({ length: size }, () => []);
  const meet = (rank: number, name: string, sent: Uint8Array, work: Work): Promise<Uint8Array[]> =>
    new Promise((done, failed) => {
      waiting[rank]!.push({ name, sent, done, failed });
      if (!waiting.every((queue) => queue.length > 0)) return;
      const calls = waiting.map((queue) => queue.shift()!);
      const other = calls.find((call) => call.name !== name);
      if (other) {
        const error = new Error(`ranks called ${other.name} and ${name}: they must call the same operation`);
        calls.forEach((call) => call.failed(error));
        return;
      }
      work(calls);
      const copies = calls.map((call) => call.sent.slice());
      calls.forEach((call) => call.done(copies));
    });
  const hosts = Array.from({ length: size }, () => 'here');
  return Array.from({ length: size }, (_, rank): Communicator => {
    const all = (name: string, sent: Uint8Array, work: Work = () => undefined) =>
      meet(rank, name, sent, work);
    const gatherAll = (bytes: Uint8Array) => all('allGather', bytes);
    return {
      rank,
      size,
      hosts,
      async allReduce(values, reduction = 'sum') {
        const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
        const kind = values instanceof Float64Array ? Float64Array : Float32Array;
        await all(`allReduce ${reduction} ${kind.name} ${values.length}`, bytes, (calls) => {
          const parts = calls.map(
            ({ sent }) => new kind(sent.buffer as ArrayBuffer, sent.byteOffset, values.length),
          );
          const result = parts[0]!.slice();
          for (const part of parts.slice(1)) {
            for (let i = 0; i < result.length; i++) result[i] = REDUCTIONS[reduction](result[i]!, part[i]!);
          }
          parts.forEach((part) => part.set(result));
        });
      },
      async broadcast(bytes) {
        await all(`broadcast ${bytes.length}`, bytes, (calls) => {
          for (const call of calls.slice(1)) call.sent.set(calls[0]!.sent);
        });
      },
      allGather: gatherAll,
      async gather(bytes) {
        const parts = await all('gather', bytes);
        return rank === 0 ? parts : undefined;
      },
      async allToAll(sent, received) {
        const parts = await all(`allToAll ${sent.length}`, sent);
        const length = sent.length / size;
        parts.forEach((part, r) =>
          received.set(part.subarray(rank * length, (rank + 1) * length), r * length),
        );
      },
      async allGatherEqual(sent, received) {
        const parts = await all(`allGatherEqual ${sent.length}`, sent);
        parts.forEach((part, r) => received.set(part, r * sent.length));
      },
      async barrier() {
        await all('barrier', new Uint8Array());
      },
      async close() {
        await all('close', new Uint8Array());
      },
    };
  });
}

const REDUCTIONS: Readonly<Record<Reduction, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
};

/** Runs `work` once for each of `size` ranks, concurrently. Returns the results by rank. */
export function asRanks<T>(size: number, work: (communicator: Communicator) => Promise<T>): Promise<T[]> {
  return Promise.all(inProcessRanks(size).map(work));
}
