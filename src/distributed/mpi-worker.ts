/**
 * The worker thread that makes all MPI calls of this process. A collective operation blocks this thread until every
 * rank has called it, while the main thread continues to decode images, show progress and handle signals. MPI reads
 * and writes the main thread's arrays by address. The main thread keeps a reference to them until the reply.
 */
import { hostname } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { Reduction } from './communicator.js';
import type { MpiLibrary } from './mpi-library.js';
import { openMpi, THREAD_FUNNELED } from './mpi-library.js';

/** Addresses are those of the main thread's arrays. Lengths are in bytes, except for `allReduce`: in values. */
export type MpiOperation =
  | {
      readonly kind: 'allReduce';
      readonly address: bigint;
      readonly length: number;
      readonly type: 'float' | 'double';
      readonly reduction: Reduction;
    }
  | { readonly kind: 'broadcast'; readonly address: bigint; readonly length: number }
  | {
      readonly kind: 'gather' | 'allGather';
      readonly sent: bigint;
      readonly received: bigint;
      readonly lengths: readonly number[];
    }
  | {
      readonly kind: 'allToAll' | 'allGatherEqual';
      readonly sent: bigint;
      readonly received: bigint;
      /** Length of one rank's part. */
      readonly length: number;
    }
  | { readonly kind: 'barrier' }
  | { readonly kind: 'finalize' };

export interface MpiReady {
  readonly kind: 'ready';
  readonly rank: number;
  readonly size: number;
  readonly host: string;
  readonly version: string;
}

export type MpiMessage =
  | MpiReady
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

const port = parentPort!;
const { path } = workerData as { readonly path: string | undefined };

const errorMessage = (error: unknown): MpiMessage => ({
  kind: 'failed',
  code: error instanceof Error && 'code' in error ? String(error.code) : 'mpi',
  message: error instanceof Error ? error.message : String(error),
});

let mpi: MpiLibrary | undefined;
let ranks = { rank: 0, size: 1 };

async function start(): Promise<MpiReady> {
  mpi = await openMpi(path);
  mpi.call('MPI_Init_thread', null, null, THREAD_FUNNELED, [0]);
  // By default MPI aborts the process on an error. Make it return the error, so that we can report it.
  mpi.call('MPI_Comm_set_errhandler', mpi.world, mpi.errorsReturn);
  const [rank, size] = [[0], [1]];
  mpi.call('MPI_Comm_rank', mpi.world, rank);
  mpi.call('MPI_Comm_size', mpi.world, size);
  ranks = { rank: rank[0]!, size: size[0]! };
  return { kind: 'ready', ...ranks, host: hostname(), version: mpi.version };
}

function run(operation: MpiOperation, mpi: MpiLibrary): void {
  const { world, byte } = mpi;
  switch (operation.kind) {
    case 'allReduce': {
      const { address, length, type, reduction } = operation;
      mpi.call('MPI_Allreduce', mpi.inPlace, address, length, mpi[type], mpi.operations[reduction], world);
      return;
    }
    case 'broadcast':
      mpi.call('MPI_Bcast', operation.address, operation.length, byte, 0, world);
      return;
    case 'gather':
    case 'allGather': {
      const { sent, received, lengths } = operation;
      const counts = Int32Array.from(lengths);
      const offsets = new Int32Array(lengths.length);
      for (let r = 1; r < offsets.length; r++) offsets[r] = offsets[r - 1]! + counts[r - 1]!;
      const own = counts[ranks.rank]!;
      if (operation.kind === 'allGather')
        mpi.call('MPI_Allgatherv', sent, own, byte, received, counts, offsets, byte, world);
      else mpi.call('MPI_Gatherv', sent, own, byte, received, counts, offsets, byte, 0, world);
      return;
    }
    case 'allToAll':
    case 'allGatherEqual': {
      const { sent, received, length } = operation;
      const name = operation.kind === 'allToAll' ? 'MPI_Alltoall' : 'MPI_Allgather';
      mpi.call(name, sent, length, byte, received, length, byte, world);
      return;
    }
    case 'barrier':
      mpi.call('MPI_Barrier', world);
      return;
    case 'finalize':
      mpi.call('MPI_Finalize');
  }
}

port.on('message', (operation: MpiOperation) => {
  try {
    run(operation, mpi!);
    port.postMessage({ kind: 'done' } satisfies MpiMessage);
    if (operation.kind === 'finalize') port.close();
  } catch (error) {
    port.postMessage(errorMessage(error));
  }
});

start().then(
  (ready) => port.postMessage(ready),
  (error: unknown) => {
    port.postMessage(errorMessage(error));
    port.close();
  },
);
