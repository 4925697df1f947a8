/**
 * Memory on the host that a run may borrow. `session.run` blocks the thread that calls it, so sessions
 * live in a worker, and a worker can only be given memory, not shown it (ONNX Runtime refuses tensors
 * over a SharedArrayBuffer). A HostBuffer is lent for the time of a run and comes back as the same bytes.
 */
import type { DType, Shape, TensorData } from '../graph/index.js';
import { sizeOf } from '../graph/index.js';

export class HostBuffer {
  private memory: ArrayBuffer | undefined;
  private lentTo = '';
  private accessCount = 0;
  readonly byteLength: number;

  constructor(memory: ArrayBuffer | number) {
    this.memory = typeof memory === 'number' ? new ArrayBuffer(memory) : memory;
    this.byteLength = this.memory.byteLength;
  }

  /** The bytes. Throws while they are lent. Ask anew after every run: the object may be another. */
  get bytes(): ArrayBuffer {
    if (!this.memory) throw new Error(`this buffer is lent to ${this.lentTo}`);
    this.accessCount++;
    return this.memory;
  }

  /** How often {@link bytes} were asked for: as long as it stays, nobody wrote anything here. */
  get accesses(): number {
    return this.accessCount;
  }

  get lent(): boolean {
    return this.memory === undefined;
  }

  /** Hands the memory out; {@link restore} brings it back. @param to for the message to who asks for it meanwhile. */
  lend(to = 'a run that has not ended'): ArrayBuffer {
    const { bytes } = this;
    this.memory = undefined;
    this.lentTo = to;
    return bytes;
  }

  restore(memory: ArrayBuffer): void {
    this.memory = memory;
  }

  floats(offset = 0, length = this.byteLength / 4 - offset): Float32Array {
    return new Float32Array(this.bytes, offset * 4, length);
  }
}

/** A tensor's place in a buffer. */
export interface View {
  readonly buffer: HostBuffer;
  readonly byteOffset: number;
}

/** A view of a typed array's own memory. */
export function viewOf(data: TensorData): View {
  return { buffer: new HostBuffer(data.buffer as ArrayBuffer), byteOffset: data.byteOffset };
}

/** The values of a tensor of the given type at a place in memory. */
export function arrayAt(dtype: DType, shape: Shape, memory: ArrayBuffer, byteOffset: number): TensorData {
  const length = sizeOf(shape);
  switch (dtype) {
    case 'float32':
      return new Float32Array(memory, byteOffset, length);
    case 'int32':
      return new Int32Array(memory, byteOffset, length);
    case 'int64':
      return new BigInt64Array(memory, byteOffset, length);
    default:
      return new Uint8Array(memory, byteOffset, length);
  }
}
