/**
 * Reads Windows bitmaps, which libvips does not support: uncompressed, with a palette of 1, 4 or 8 bits, or in
 * colour with 16, 24 or 32 bits, whose channels may be any bit fields. Run-length encoding is rejected. Palette indices
 * are kept. Layout: BITMAPFILEHEADER and BITMAPINFOHEADER of the Windows API.
 */
import { PixelwiseError } from '../errors/index.js';
import { checkPixelCount, damaged, type ImageBytes } from './image-source.js';
import { type IndexedRaster, isGreyPalette } from './indexed.js';
import type { Raster } from './raster.js';

const FILE_HEADER = 14;
const UNCOMPRESSED = 0;
const BIT_FIELDS = 3;
const ALPHA_BIT_FIELDS = 6;
/** Place of the masks of red, green and blue, in the header or after it. */
const MASKS_AT = 54;
/** The bits of red, green and blue where the file has no masks; 24- and 32-bit pixels are bytes. */
const DEFAULT_MASKS: Readonly<Record<number, readonly number[]>> = { 16: [0x7c00, 0x3e0, 0x1f] };

/** Returns indices and palette for up to 8 bits per pixel, RGB for more. */
export function decodeBmp({ name, bytes, maxPixels }: ImageBytes): IndexedRaster | Raster {
  if (bytes.length < FILE_HEADER + 40) throw damaged(name, 'BMP', 'its header is cut short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pixelsAt = view.getUint32(10, true);
  const headerSize = view.getUint32(14, true);
  const width = view.getInt32(18, true);
  const signedHeight = view.getInt32(22, true);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0) throw damaged(name, 'BMP', `its size is ${width}×${height}`);
  checkPixelCount(name, width, height, maxPixels);
  const fielded =
    (compression === BIT_FIELDS || compression === ALPHA_BIT_FIELDS) && (bits === 16 || bits === 32);
  if ((compression !== UNCOMPRESSED && !fielded) || ![1, 4, 8, 16, 24, 32].includes(bits)) {
    throw new PixelwiseError(
      'image-format',
      `${name}: this BMP has ${bits} bits and compression ${compression}; only uncompressed BMPs of 1, 4, 8, 16, 24 or ` +
        '32 bits can be read. Convert the file to PNG.',
    );
  }
  const stride = Math.ceil((width * bits) / 32) * 4;
  if (pixelsAt + stride * height > bytes.length) throw damaged(name, 'BMP', 'its rows are cut short');
  // If the height is positive, the bottom row is stored first.
  const rowAt = (y: number): number => pixelsAt + stride * (signedHeight > 0 ? height - 1 - y : y);

  if (bits > 8) {
    const data = new Uint8Array(width * height * 3);
    const masks = fielded ? fieldMasks(view, name) : DEFAULT_MASKS[bits];
    const fields = masks?.map((mask) => fieldOf(mask, bits, name));
    const step = bits / 8;
    for (let y = 0, to = 0; y < height; y++) {
      for (let x = 0, from = rowAt(y); x < width; x++, from += step, to += 3) {
        if (fields) {
          const pixel = bits === 16 ? view.getUint16(from, true) : view.getUint32(from, true);
          for (let c = 0; c < 3; c++) {
            const { shift, most } = fields[c]!;
            data[to + c] = Math.round((255 * ((pixel >>> shift) & most)) / most);
          }
        } else {
          data[to] = bytes[from + 2]!;
          data[to + 1] = bytes[from + 1]!;
          data[to + 2] = bytes[from]!;
        }
      }
    }
    return { width, height, channels: 3, data };
  }
  const entries = Math.min(view.getUint32(46, true) || 2 ** bits, 2 ** bits);
  const paletteAt = FILE_HEADER + headerSize;
  if (paletteAt + entries * 4 > bytes.length) throw damaged(name, 'BMP', 'its palette is cut short');
  const palette = new Uint8Array(entries * 3);
  for (let i = 0; i < entries; i++) {
    palette[3 * i] = bytes[paletteAt + 4 * i + 2]!;
    palette[3 * i + 1] = bytes[paletteAt + 4 * i + 1]!;
    palette[3 * i + 2] = bytes[paletteAt + 4 * i]!;
  }
  const data = new Uint8Array(width * height);
  const perByte = 8 / bits;
  const low = 2 ** bits - 1;
  for (let y = 0, to = 0; y < height; y++) {
    const row = rowAt(y);
    for (let x = 0; x < width; x++, to++) {
      const byte = bytes[row + Math.floor(x / perByte)]!;
      data[to] = (byte >> (8 - bits - bits * (x % perByte))) & low;
    }
  }
  return { width, height, data, palette };
}

function fieldMasks(view: DataView, name: string): readonly number[] {
  if (view.byteLength < MASKS_AT + 12) throw damaged(name, 'BMP', 'its bit fields are cut short');
  return [0, 4, 8].map((offset) => view.getUint32(MASKS_AT + offset, true));
}

/** A channel's bits in a pixel: their place, and the largest value. */
function fieldOf(
  mask: number,
  bits: number,
  name: string,
): { readonly shift: number; readonly most: number } {
  const shift = 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  // One run of ones: adding 1 leaves a power of two.
  if (mask === 0 || (most & (most + 1)) !== 0 || mask >= 2 ** bits) {
    throw damaged(name, 'BMP', `its bit field ${mask.toString(16)} is not a run of bits of a pixel`);
  }
  return { shift, most };
}

/** Replaces indices by palette colours; a grey palette gives one channel. */
export function bmpToRaster(image: IndexedRaster | Raster): Raster {
  if ('channels' in image) return image;
  const { width, height, data } = image;
  const palette = image.palette!;
  const channels = isGreyPalette(palette) ? 1 : 3;
  const out = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < channels; c++) out[i * channels + c] = palette[data[i]! * 3 + c] ?? 0;
  }
  return { width, height, channels, data: out };
}
