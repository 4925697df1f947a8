/** Ranks that speak over MPI: one process each, started by mpirun, srun and the like. */
import { Worker } from 'node:worker_threads';
import { PixelwiseError } from '../errors/index.js';
import type { Communicator, Reduction } from './communicator.js';
import { fromAll } from './communicator.js';
import type { Launch } from './environment.js';
import type { MpiMessage, MpiOperation, MpiReady } from './mpi-worker.js';

/** A count in MPI is an int; longer arrays go in pieces. A whole number of Float64s. */
const LONGEST_PIECE = 2 ** 28;

type Koffi = { address(value: ArrayBufferView): bigint };

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** The arrays that MPI reads and writes: held, so that they stay where they are. */
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
    /** What the MPI library says of itself. */
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
    // Waiting for work must not keep the process alive.
    worker.unref();
  }

  /**
   * Loads the MPI library and meets the other ranks.
   *
   * @param path of the library, where it is not the system's own.
   * @throws PixelwiseError `mpi` where there is no library, or it is another MPI than the launcher's.
   */
  static async connect(launch: Launch, path?: string): Promise<MpiCommunicator> {
    const koffi = (await import('koffi')).default as unknown as Koffi;
    // Over one TCP connection Open MPI sends and receives large messages by turns: 124 MB summed over 1 Gbit/s
    // take 1.95 s, and 1.1 s over two. Read when the library starts; `mpirun --mca btl_tcp_links N` goes first.
    process.env.OMPI_MCA_btl_tcp_links ??= '2';
    const worker = new Worker(new URL('./mpi-worker.js', import.meta.url), {
      workerData: { path },
      // Not the flags of this process: of `node --input-type=module --eval …` they would fit no file.
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
        `${launch.launcher} started ${launch.size} ranks, and the MPI library that was found (${version}) knows of ${size}: ` +
          'it is another MPI than the one that started them. Start them by the mpirun of that library, or give the library of this mpirun in PIXELWISE_MPI_LIBRARY.',
      );
    }
    const communicator = new MpiCommunicator(worker, koffi, rank, size, host, version);
    communicator.hosts = await fromAll(communicator, host);
    return communicator;
  }

  /** Fails what is waited for, and all that is asked from now on: other ranks are gone. */
  break(error: Error): void {
    this.broken ??= error;
    for (const { reject } of this.pending.splice(0)) reject(this.broken);
    this.worker.unref();
  }

  async allReduce(values: Float32Array | Float64Array, reduction: Reduction = 'sum'): Promise<void> {
    const type = values instanceof Float64Array ? 'double' : 'float';
    const step = LONGEST_PIECE / 8;
    for (let from = 0; from < values.length; from += step) {
      const piece = values.subarray(from, from + step);
      const address = this.koffi.address(piece);
      await this.ask({ kind: 'allReduce', address, length: piece.length, type, reduction }, piece);
    }
  }

  async broadcast(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; from += LONGEST_PIECE) {
      const piece = bytes.subarray(from, from + LONGEST_PIECE);
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
    const takes = kind === 'allGather' || this.rank === 0;
    const received = new Uint8Array(Math.max(1, takes ? total : 0));
    // An empty array has no address.
    const sent = bytes.length > 0 ? bytes : new Uint8Array(1);
    const operation: MpiOperation = {
      kind,
      sent: this.koffi.address(sent),
      received: this.koffi.address(received),
      lengths: [...lengths],
    };
    await this.ask(operation, sent, received);
    if (!takes) return undefined;
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
