/**
 * A float32 tensor on the host, on the device, or on both: a weight, a gradient, a moment of an optimizer.
 * `DeviceState` moves it. Reading it on the host while its newest values are on the device is an error, so that
 * nobody sees old values. Whoever reads it on the host may also change it there: the device's copy is then out of
 * date.
 */
import type { Shape } from '../graph/index.js';
import { sizeOf } from '../graph/index.js';
import { HostBuffer } from './host-buffer.js';

/** Memory for one tensor on both sides. Only `DeviceState` changes `place` and `key`. */
export interface ArrayStorage {
  readonly buffer: HostBuffer;
  readonly shape: Shape;
  /** Where the newest values are. */
  place: 'host' | 'device' | 'both';
  /** The tensor's key on the device, once it has been there. */
  key?: string;
}

export class DeviceArray {
  private memory: ArrayStorage;

  /** All values are 0. */
  constructor(
    readonly name: string,
    readonly shape: Shape,
  ) {
    this.memory = { buffer: new HostBuffer(4 * sizeOf(shape)), shape, place: 'host' };
  }

  /** An array with a copy of these values. @param shape default: one axis. */
  static from(name: string, values: ArrayLike<number>, shape: Shape = [values.length]): DeviceArray {
    const array = new DeviceArray(name, shape);
    array.values.set(values);
    return array;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  get storage(): ArrayStorage {
    return this.memory;
  }

  /** Whether the newest values are on the device alone. */
  get onDevice(): boolean {
    return this.memory.place === 'device';
  }

  /**
   * The values, in place. Ask again after every run: the object may be another.
   * @throws Error while they are on the device or lent to a run.
   */
  get values(): Float32Array {
    if (this.onDevice) {
      throw new Error(
        `${this.name} is on the device: await learner.synchronize() first (learner.fetchGradients() for gradients)`,
      );
    }
    this.memory.place = 'host';
    return this.memory.buffer.floats();
  }

  /** Replaces all values, wherever the old ones are. The new ones are on the host. */
  set(values: ArrayLike<number>): void {
    this.memory.place = 'host';
    this.values.set(values);
  }

  /** Swaps values with another array of the same shape, without copying. */
  exchange(other: DeviceArray): void {
    [this.memory, other.memory] = [other.memory, this.memory];
  }
}
