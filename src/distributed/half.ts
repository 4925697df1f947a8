/**
 * Sums over ranks in half precision (IEEE 754 binary16): half the bytes on the wire. Each rank sums one part
 * of the values, in single precision, and sends the sum on: every value is rounded twice, however many ranks
 * there are, and all ranks end with the same bits.
 */
import type { Communicator } from './communicator.js';

const floatBits = new Float32Array(1);
const intBits = new Int32Array(floatBits.buffer);

/** The nearest binary16 (ties to even) of each value, as its bits. Magnitudes from 65,520 on become infinite. */
export function toHalf(values: Float32Array, scale: number, into: Uint16Array): void {
  for (let i = 0; i < values.length; i++) {
    floatBits[0] = values[i]! * scale;
    const bits = intBits[0]!;
    const sign = (bits >>> 16) & 0x8000;
    const magnitude = bits & 0x7fffffff;
    if (magnitude >= 0x47800000) {
      // At least 2¹⁶, infinite, or NaN.
      into[i] = sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
    } else if (magnitude >= 0x38800000) {
      // Normal: the exponent's bias goes from 127 to 15, and 13 bits are rounded away.
      into[i] = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    } else if (magnitude < 0x33000000) {
      into[i] = sign;
    } else {
      // Subnormal: multiples of 2⁻²⁴.
      const shift = 126 - (magnitude >>> 23);
      const mantissa = (magnitude & 0x7fffff) | 0x800000;
      const half = mantissa >>> shift;
      const rest = mantissa & ((1 << shift) - 1);
      const middle = 1 << (shift - 1);
      into[i] = sign | (half + (rest > middle || (rest === middle && (half & 1) === 1) ? 1 : 0));
    }
  }
}

let table: Float32Array | undefined;

/** The value of every binary16, by its bits. */
export function halfValues(): Float32Array {
  if (table) return table;
  table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >>> 10) & 31;
    const mantissa = bits & 1023;
    table[bits] =
      exponent === 31
        ? mantissa
          ? NaN
          : sign * Infinity
        : sign * (exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15));
  }
  return table;
}

/** Largest magnitude that values are scaled to before they are rounded: their sum is below the largest binary16. */
const HEADROOM = 2 ** 15;

/** Replaces `values` by their sums over all ranks, rounded to half precision, the same bits on every rank. */
export async function sumInHalf(communicator: Communicator, values: Float32Array): Promise<void> {
  const { size, rank } = communicator;
  let greatest = 0;
  for (let i = 0; i < values.length; i++) greatest = Math.max(greatest, Math.abs(values[i]!));
  const bound = Float64Array.of(Number.isNaN(greatest) ? Infinity : greatest);
  await communicator.allReduce(bound, 'max');
  if (bound[0] === 0) return;
  // A power of two: scaling by it rounds nothing. What is not finite stays so, for the check that follows.
  const scale = Number.isFinite(bound[0]!) ? 2 ** Math.floor(Math.log2(HEADROOM / (bound[0]! * size))) : 1;
  const part = Math.ceil(values.length / size);
  const sent = new Uint16Array(part * size);
  const received = new Uint16Array(part * size);
  toHalf(values, scale, sent);
  await communicator.allToAll(bytesOf(sent), bytesOf(received));
  const decoded = halfValues();
  const sums = new Float32Array(part);
  for (let r = 0; r < size; r++) {
    for (let i = 0; i < part; i++) sums[i]! += decoded[received[r * part + i]!]!;
  }
  const own = sent.subarray(rank * part, (rank + 1) * part);
  toHalf(sums, 1, own);
  await communicator.allGatherEqual(bytesOf(own), bytesOf(received));
  const back = 1 / scale;
  for (let i = 0; i < values.length; i++) values[i] = decoded[received[i]!]! * back;
}

const bytesOf = (array: Uint16Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
