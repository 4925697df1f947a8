/** Communicator over MPI. Each rank is a process that mpirun, srun or a similar launcher started. */
import { Worker } from 'node:worker_threads';
import { PixelwiseError } from '../errors/index.js';
import type { Communicator, Reduction } from './communicator.js';
import { fromAll } from './communicator.js';
import type { Launch } from './environment.js';
import type { MpiMessage, MpiOperation, MpiReady } from './mpi-worker.js';

/**
 * Bytes in one MPI call, at most. MPI counts elements in an int, so longer arrays are sent in pieces. It is a
 * multiple of 8, so that no Float64 is split.
 */
const MAX_PIECE_BYTES = 2 ** 28;

type Koffi = { address(value: ArrayBufferView): bigint };

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** The arrays that MPI reads and writes. Referenced here so that they are not garbage-collected meanwhile. */
  readonly held: readonly ArrayBufferView[];
}

export class MpiCommunicator implements Communicator {
  hosts: readonly string[];
  private readonly pending: Pending[] = [];
  private broken: Error | undefined;

  private constructor(
    private readonly worker: Worker,
    private readonly koffi: Koffi,
    readonly rank: number,
    readonly size: number,
    host: string,
    /** Name and version as the MPI library reports them. */
    readonly version: string,
  ) {
    this.hosts = Array.from({ length: size }, () => host);
    worker.on('message', (message: MpiMessage) => {
      const entry = this.pending.shift();
      if (this.pending.length === 0) worker.unref();
      if (message.kind === 'failed') entry?.reject(new PixelwiseError('mpi', message.message));
      else entry?.resolve();
    });
    worker.on('error', (error) => this.break(error));
    // An idle worker must not keep the process alive.
    worker.unref();
  }

  /**
   * Loads the MPI library and connects to the other ranks.
   *
   * @param path path of the MPI library; default: the system's.
   * @throws PixelwiseError `mpi` if no library is found, or if the launcher belongs to a different MPI.
   */
  static async connect(launch: Launch, path?: string): Promise<MpiCommunicator> {
    const koffi = (await import('koffi')).default as unknown as Koffi;
    // With one TCP connection, Open MPI does not send and receive large messages at the same time: summing 124 MB
    // over 1 Gbit/s takes 1.95 s with one connection and 1.1 s with two. The library reads the variable when it
    // starts. `mpirun --mca btl_tcp_links N` takes precedence.
    process.env.OMPI_MCA_btl_tcp_links ??= '2';
    const worker = new Worker(new URL('./mpi-worker.js', import.meta.url), {
      workerData: { path },
      // Do not inherit this process's flags: those of `node --input-type=module --eval …` do not work for a file.
      execArgv: [],
    });
    const ready = await new Promise<MpiReady>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', (message: MpiMessage) => {
        if (message.kind === 'ready') resolve(message);
        else if (message.kind === 'failed') reject(new PixelwiseError(message.code, message.message));
      });
    });
    const { rank, size, host, version } = ready;
    if (size !== launch.size) {
      throw new PixelwiseError(
        'mpi',
        `${launch.launcher} started ${launch.size} ranks, but the MPI library that was found (${version}) reports ${size}, so it belongs to a different MPI. ` +
          'Start the ranks with the mpirun of that library, or set PIXELWISE_MPI_LIBRARY to the library of this mpirun.',
      );
    }
    const communicator = new MpiCommunicator(worker, koffi, rank, size, host, version);
    communicator.hosts = await fromAll(communicator, host);
    return communicator;
  }

  /** Rejects all pending and all later operations with `error`. Called when the worker has crashed. */
  break(error: Error): void {
    this.broken ??= error;
    for (const { reject } of this.pending.splice(0)) reject(this.broken);
    this.worker.unref();
  }

  async allReduce(values: Float32Array | Float64Array, reduction: Reduction = 'sum'): Promise<void> {
    const type = values instanceof Float64Array ? 'double' : 'float';
    const step = MAX_PIECE_BYTES / 8;
    for (let from = 0; from < values.length; from += step) {
      const piece = values.subarray(from, from + step);
      const address = this.koffi.address(piece);
      await this.ask({ kind: 'allReduce', address, length: piece.length, type, reduction }, piece);
    }
  }

  async broadcast(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; from += MAX_PIECE_BYTES) {
      const piece = bytes.subarray(from, from + MAX_PIECE_BYTES);
      const address = this.koffi.address(piece);
      await this.ask({ kind: 'broadcast', address, length: piece.length }, piece);
    }
  }

  async allGather(bytes: Uint8Array): Promise<Uint8Array[]> {
    return (await this.collect('allGather', bytes))!;
  }

  gather(bytes: Uint8Array): Promise<Uint8Array[] | undefined> {
    return this.collect('gather', bytes);
  }

  private async collect(kind: 'gather' | 'allGather', bytes: Uint8Array): Promise<Uint8Array[] | undefined> {
    const lengths = new Float64Array(this.size);
    lengths[this.rank] = bytes.length;
    await this.allReduce(lengths);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    if (total >= 2 ** 31) throw new PixelwiseError('mpi', `${total} bytes are too many to gather at once`);
    const receives = kind === 'allGather' || this.rank === 0;
    const received = new Uint8Array(Math.max(1, receives ? total : 0));
    // An empty array has no address, so one byte stands in; MPI is told the true length, 0.
    const sent = bytes.length > 0 ? bytes : new Uint8Array(1);
    const operation: MpiOperation = {
      kind,
      sent: this.koffi.address(sent),
      received: this.koffi.address(received),
      lengths: [...lengths],
    };
    await this.ask(operation, sent, received);
    if (!receives) return undefined;
    let at = 0;
    return [...lengths].map((length) => received.subarray(at, (at += length)));
  }

  async allToAll(sent: Uint8Array, received: Uint8Array): Promise<void> {
    await this.exchange('allToAll', sent, received, sent.length / this.size);
  }

  async allGatherEqual(sent: Uint8Array, received: Uint8Array): Promise<void> {
    await this.exchange('allGatherEqual', sent, received, sent.length);
  }

  private async exchange(
    kind: 'allToAll' | 'allGatherEqual',
    sent: Uint8Array,
    received: Uint8Array,
    length: number,
  ): Promise<void> {
    if (length === 0) return;
    const addresses = { sent: this.koffi.address(sent), received: this.koffi.address(received) };
    await this.ask({ kind, ...addresses, length }, sent, received);
  }

  barrier(): Promise<void> {
    return this.ask({ kind: 'barrier' });
  }

  async close(): Promise<void> {
    await this.ask({ kind: 'finalize' });
  }

  private ask(operation: MpiOperation, ...held: readonly ArrayBufferView[]): Promise<void> {
    if (this.broken) return Promise.reject(this.broken);
    return new Promise((resolve, reject) => {
      this.pending.push({ resolve, reject, held });
      this.worker.ref();
      this.worker.postMessage(operation);
    });
  }
}
