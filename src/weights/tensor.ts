/**
 * The tensors of a weight file of any format: names, shapes and bytes as stored, and their values as the float32
 * numbers that models compute with.
 */
import { PixelwiseError } from '../errors/index.js';

/** Element types by their safetensors names, with their bytes per element. */
export const ELEMENT_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

export type ElementType = keyof typeof ELEMENT_BYTES;

/** A tensor as stored in a file: `bytes` are little-endian and C-contiguous. */
export interface RawTensor {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A tensor of weights, C-contiguous. */
export interface WeightTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface WeightFile {
  /** What error messages call the file: its path. */
  readonly source: string;
  /** Text stored with the tensors. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly RawTensor[];
}

/**
 * The tensors of floating-point type, as float32. The others are counters, not weights: PyTorch stores the number of
 * batches that a batch norm has seen as an I64. F32 stays a view of the file's bytes if they are aligned; F64 is
 * rounded.
 */
export function floatTensors(file: WeightFile): WeightTensor[] {
  return file.tensors
    .filter(({ elementType }) => isFloat(elementType))
    .map((tensor) => ({ name: tensor.name, shape: tensor.shape, data: toFloat32(tensor) }));
}

export function isFloat(elementType: ElementType): boolean {
  return elementType === 'F32' || elementType === 'F64' || elementType === 'F16' || elementType === 'BF16';
}

/**
 * The values of a floating-point tensor as float32.
 *
 * @throws PixelwiseError for a tensor of integers.
 */
export function toFloat32(tensor: RawTensor): Float32Array {
  const { bytes, elementType } = tensor;
  // Unaligned bytes are copied by the constructor, because `slice` of a Node Buffer shares memory.
  const length = bytes.length / ELEMENT_BYTES[elementType];
  switch (elementType) {
    case 'F32': {
      const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
      return new Float32Array(aligned.buffer, aligned.byteOffset, length);
    }
    case 'F64': {
      const aligned = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
      return Float32Array.from(new Float64Array(aligned.buffer, aligned.byteOffset, length));
    }
    case 'F16': {
      const values = new Float32Array(length);
      for (let i = 0; i < length; i++) values[i] = halfToNumber(bytes[2 * i]! | (bytes[2 * i + 1]! << 8));
      return values;
    }
    case 'BF16': {
      // bfloat16 is the upper half of a float32.
      const bits = new Uint32Array(length);
      for (let i = 0; i < length; i++) bits[i] = ((bytes[2 * i]! << 16) | (bytes[2 * i + 1]! << 24)) >>> 0;
      return new Float32Array(bits.buffer);
    }
    default:
      throw new PixelwiseError('weights', `Tensor "${tensor.name}" holds ${elementType}, not floats.`);
  }
}

/** The value of an IEEE 754 binary16 given by its bits: 1 sign, 5 exponent, 10 fraction. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
