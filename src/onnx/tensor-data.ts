/**
 * Converts the values of a TensorProto to the form of `raw_data`. A file may store them in typed fields instead, of which
 * some hold several element types: float16, bool and small integers are all in `int32_data`.
 */
import { ELEMENT_BYTES, type DataType } from './model.js';

type NumericType = Exclude<DataType, 'string'>;

/** Smallest and largest integer of the types that are stored in a wider field; float16 as its bit pattern. */
const RANGES: Readonly<Partial<Record<NumericType, readonly [number, number]>>> = {
  bool: [0, 1],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  float16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

/** Collects bytes that arrive in pieces. The buffer grows by doubling, so it is at most twice as large as its content. */
export class GrowingBytes {
  private buffer = new Uint8Array(0);
  private length = 0;

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** The low 64 bits of `value`, little-endian: signed and unsigned alike. */
  appendBigInt(value: bigint): void {
    this.reserve(8);
    new DataView(this.buffer.buffer).setBigInt64(this.length, value, true);
    this.length += 8;
  }

  view(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  private reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
    larger.set(this.view());
    this.buffer = larger;
  }
}

/** The typed fields of one TensorProto. */
export class TypedData {
  readonly float = new GrowingBytes();
  readonly double = new GrowingBytes();
  readonly int32: number[] = [];
  readonly int64 = new GrowingBytes();
  readonly uint64 = new GrowingBytes();

  /**
   * The values as little-endian bytes of `dataType`.
   *
   * @throws RangeError for a value that the type does not hold.
   */
  toRaw(dataType: NumericType): Uint8Array {
    switch (dataType) {
      case 'float32':
        return this.float.view();
      case 'float64':
        return this.double.view();
      case 'int64':
        return this.int64.view();
      case 'uint64':
        return this.uint64.view();
      case 'uint32': {
        const wide = this.uint64.view();
        return narrow(Array.from(new BigUint64Array(wide.slice().buffer), Number), dataType);
      }
      default:
        return narrow(this.int32, dataType);
    }
  }
}

function narrow(values: readonly number[], dataType: NumericType): Uint8Array {
  const width = ELEMENT_BYTES[dataType];
  const [least, greatest] = RANGES[dataType]!;
  const raw = new Uint8Array(values.length * width);
  values.forEach((value, index) => {
    if (value < least || value > greatest) {
      throw new RangeError(
        `the value ${value} at ${index} does not fit ${dataType} (${least} … ${greatest})`,
      );
    }
    // Shifting a JavaScript number keeps its low 32 bits: two's complement, whatever the sign.
    for (let byte = 0; byte < width; byte++) raw[index * width + byte] = value >> (8 * byte);
  });
  return raw;
}
