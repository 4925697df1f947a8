/** How a mask file becomes classes, as plain data: the threads that read samples are told by it. */
import { decodeMask, type RawMask } from '../images/decode-mask.js';
import type { ClassMask } from '../images/raster.js';
import { type ClassValues, toClassMask } from './class-values.js';

/**
 * - `values`: stored values are looked up in a table;
 * - `bright`: class 1 where the first channel is at or above half, whatever palette the file has.
 */
export type MaskReading =
  { readonly kind: 'values'; readonly values: ClassValues } | { readonly kind: 'bright' };

/** Decodes a mask file. Throws what decoding throws, and `mask-values` for values outside of a table. */
export async function readMask(file: string, reading: MaskReading): Promise<ClassMask> {
  const raw = await decodeMask(file);
  return reading.kind === 'values' ? toClassMask(raw, reading.values, file) : brightMask(raw);
}

function brightMask({ width, height, data, palette }: RawMask): ClassMask {
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const level = palette === undefined ? data[i]! : palette[3 * data[i]!]!;
    out[i] = level >= 128 ? 1 : 0;
  }
  return { width, height, data: out };
}
