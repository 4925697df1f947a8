/**
 * Memory on the host that a run may borrow. `session.run` blocks its thread, so sessions run in a worker. ONNX
 * Runtime refuses tensors over a SharedArrayBuffer, so memory has to be transferred to the worker and back. A
 * HostBuffer lends its memory to a run and gets the same bytes back.
 */
import type { DType, Shape, TensorData } from '../graph/index.js';
import { sizeOf } from '../graph/index.js';

export class HostBuffer {
  private memory: ArrayBuffer | undefined;
  readonly byteLength: number;

  constructor(memory: ArrayBuffer | number) {
    this.memory = typeof memory === 'number' ? new ArrayBuffer(memory) : memory;
    this.byteLength = this.memory.byteLength;
  }

  /** The bytes. Throws while they are lent. Ask again after every run: the object may be another. */
  get bytes(): ArrayBuffer {
    if (!this.memory) throw new Error('this buffer is lent to a run that has not ended');
    return this.memory;
  }

  get lent(): boolean {
    return this.memory === undefined;
  }

  /** Gives the memory away, until {@link restore}. */
  lend(): ArrayBuffer {
    const { bytes } = this;
    this.memory = undefined;
    return bytes;
  }

  /** Takes the memory back. */
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

/** A view of a copy of `data`. */
export function viewOf(data: TensorData): View {
  return transferredView(data.slice());
}

/**
 * A view of `data`'s own memory, without a copy. A runtime with a worker transfers that memory, all of the array's
 * buffer, to the worker: `data` is then empty, and must not be used again.
 */
export function transferredView(data: TensorData): View {
  return { buffer: new HostBuffer(data.buffer as ArrayBuffer), byteOffset: data.byteOffset };
}

/** A tensor's values in memory. */
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
