/**
 * What ranks do together: the few collective operations that training and prediction rest on. `mpi.ts` does
 * them over MPI, `in-process.ts` between objects of one process (for tests).
 *
 * Every rank calls the same operations in the same order; each promise is kept once the operation is done
 * here. A rank that calls another operation, or none, leaves the others waiting.
 */
export type Reduction = 'sum' | 'max' | 'min';

export interface Communicator {
  /** This process among all, from 0. Rank 0 speaks and writes. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** The host of every rank, by its name. */
  readonly hosts: readonly string[];
  /** Replaces `values` by the sum (or greatest, or least) of all ranks' values, the same bits on every rank. */
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
  /** Takes leave of the others: all ranks have done all of their work. */
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
