/** Half-precision floats (IEEE 754 binary16): one sign bit, five of exponent, ten of fraction. */

/** The largest finite half. */
export const LARGEST_FLOAT16 = 65504;

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The bits of the half nearest to `value`, ties to even. Magnitudes of at least 65,520 become infinite. */
export function toFloat16(value: number): number {
  float[0] = value;
  const word = bits[0]!;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65,520 is halfway between the largest half and the next one, if there were one.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below 2⁻¹⁴ halves are 2⁻²⁴ apart: adding ½, whose own spacing is 2⁻²⁴, makes the processor round.
  if (magnitude < 0x38800000) {
    float[0] = Math.abs(value) + 0.5;
    return sign | (bits[0]! - 0x3f000000);
  }
  // Normal numbers: the exponent's bias goes from 127 to 15, and 13 bits of fraction are rounded away.
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** Converts the bits of a half to a number. */
export function fromFloat16(half: number): number {
  return float16Values()[half]!;
}

/** Converts each of `values`, multiplied by `scale`, as {@link toFloat16} does. */
export function encodeFloat16(
  values: Float32Array,
  into: Uint16Array<ArrayBuffer> = new Uint16Array(values.length),
  scale = 1,
): Uint16Array<ArrayBuffer> {
  for (let i = 0; i < values.length; i++) into[i] = toFloat16(values[i]! * scale);
  return into;
}

/** Converts the bits of halves to numbers. */
export function decodeFloat16(
  halves: Uint16Array,
  into: Float32Array<ArrayBuffer> = new Float32Array(halves.length),
): Float32Array<ArrayBuffer> {
  const values = float16Values();
  for (let i = 0; i < halves.length; i++) into[i] = values[halves[i]!]!;
  return into;
}

let table: Float32Array | undefined;

/** The value of every half, indexed by its bits. */
export function float16Values(): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >>> 10) & 31;
    const fraction = half & 0x3ff;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });
  return table;
}
