/**
 * The collective operations that distributed training and prediction use. `mpi.ts` implements them with MPI, and
 * `in-process.ts` between objects of one process, for tests.
 *
 * Every rank must call the same operations in the same order. A promise resolves when the operation is done on this
 * rank. If a rank calls a different operation, or none, the others wait forever.
 */
export type Reduction = 'sum' | 'max' | 'min';

export interface Communicator {
  /** The number of this process, from 0. Rank 0 prints messages and writes files. */
  readonly rank: number;
  /** Number of processes. */
  readonly size: number;
  /** The host name of every rank. */
  readonly hosts: readonly string[];
  /** Replaces `values` by the sum, maximum or minimum over all ranks. The result is bit-identical on every rank. */
  allReduce(values: Float32Array | Float64Array, reduction?: Reduction): Promise<void>;
  /** Replaces `bytes` by those of rank 0. The length is the same on every rank. */
  broadcast(bytes: Uint8Array): Promise<void>;
  /** Every rank's bytes, by rank. The lengths may differ. */
  allGather(bytes: Uint8Array): Promise<Uint8Array[]>;
  /** Every rank's bytes on rank 0, by rank; undefined on the others. The lengths may differ. */
  gather(bytes: Uint8Array): Promise<Uint8Array[] | undefined>;
  /**
   * Sends the r-th of `size` equal parts of `sent` to rank r, and fills `received` with what the ranks sent
   * here, by rank.
   */
  allToAll(sent: Uint8Array, received: Uint8Array): Promise<void>;
  /** Fills `received` with the equal parts that the ranks `sent`, by rank. */
  allGatherEqual(sent: Uint8Array, received: Uint8Array): Promise<void>;
  /** Waits for all ranks. */
  barrier(): Promise<void>;
  /** Closes the communicator. Every rank calls it, when its work is done. */
  close(): Promise<void>;
}

/** A value of rank 0, on every rank. It is plain data that JSON can hold. */
export async function fromFirst<T>(communicator: Communicator, value: T): Promise<T> {
  const own = new TextEncoder().encode(JSON.stringify(value ?? null));
  const length = Float64Array.of(own.length);
  await communicator.broadcast(new Uint8Array(length.buffer));
  const bytes = communicator.rank === 0 ? own : new Uint8Array(length[0]!);
  await communicator.broadcast(bytes);
  return communicator.rank === 0 ? value : (JSON.parse(new TextDecoder().decode(bytes)) as T);
}

/** Every rank's value on every rank. The values are plain data that JSON can hold. */
export async function fromAll<T>(communicator: Communicator, value: T): Promise<T[]> {
  const all = await communicator.allGather(new TextEncoder().encode(JSON.stringify(value)));
  return all.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as T);
}

/** Every rank's value on rank 0; undefined on the others. The values are plain data that JSON can hold. */
export async function toFirst<T>(communicator: Communicator, value: T): Promise<T[] | undefined> {
  const all = await communicator.gather(new TextEncoder().encode(JSON.stringify(value)));
  return all?.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as T);
}
