/** How a mask file becomes classes, as plain data: the threads that read samples are told by it. */
import { PixelwiseError } from '../errors/index.js';
import { decodeMask, type RawMask } from '../images/decode-mask.js';
import type { ClassMask } from '../images/raster.js';
import { type ClassValues, toClassMask } from './class-values.js';

/**
 * - `values`: stored values are looked up in a table;
 * - `bright`: class 1 where the first channel is at or above half, whatever palette the file has;
 * - `layers`: several files, each marking the pixels of one class; later ones lie on top.
 */
export type MaskReading =
  | { readonly kind: 'values'; readonly values: ClassValues }
  | { readonly kind: 'bright' }
  | { readonly kind: 'layers'; readonly layers: readonly MaskLayer[] };

/** A mask file that marks the pixels of one class: those above half of its greatest value. */
export interface MaskLayer {
  readonly file: string;
  /** The class. */
  readonly value: number;
}

/** Decodes a mask file. Throws what decoding throws, and `mask-values` for values outside of a table. */
export async function readMask(file: string, reading: MaskReading): Promise<ClassMask> {
  if (reading.kind === 'layers') return layeredMask(reading.layers);
  const raw = await decodeMask(file);
  return reading.kind === 'values' ? toClassMask(raw, reading.values, file) : brightMask(raw);
}

async function layeredMask(layers: readonly MaskLayer[]): Promise<ClassMask> {
  let mask: ClassMask | undefined;
  for (const { file, value } of layers) {
    const { width, height, data, palette } = await decodeMask(file);
    mask ??= { width, height, data: new Uint8Array(width * height) };
    if (width !== mask.width || height !== mask.height) {
      throw new PixelwiseError(
        'size-mismatch',
        `${file}: ${width}×${height} pixels, while ${layers[0]!.file} has ${mask.width}×${mask.height}: masks of one image have one size.`,
      );
    }
    const level = (i: number): number => (palette === undefined ? data[i]! : palette[3 * data[i]!]!);
    let highest = 0;
    for (let i = 0; i < data.length; i++) highest = Math.max(highest, level(i));
    for (let i = 0; i < data.length; i++) if (2 * level(i) > highest) mask.data[i] = value;
  }
  if (mask === undefined) throw new PixelwiseError('mask-missing', 'A sample without any mask file.');
  return mask;
}

function brightMask({ width, height, data, palette }: RawMask): ClassMask {
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const level = palette === undefined ? data[i]! : palette[3 * data[i]!]!;
    out[i] = level >= 128 ? 1 : 0;
  }
  return { width, height, data: out };
}
