/**
 * Reads Windows bitmaps, which libvips does not support: uncompressed, with a palette of 1, 4 or 8 bits, or in
 * colour with 24 or 32 bits. 16 bits and run-length encoding are rejected. Palette indices are kept. Layout:
 * BITMAPFILEHEADER and BITMAPINFOHEADER of the Windows API.
 */
import { PixelwiseError } from '../errors/index.js';
import { checkPixelCount, damaged, type ImageBytes } from './image-source.js';
import { type IndexedRaster, isGreyPalette } from './indexed.js';
import type { Raster } from './raster.js';

const FILE_HEADER = 14;
const UNCOMPRESSED = 0;
const BIT_FIELDS = 3;

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
  const plain = compression === UNCOMPRESSED || (compression === BIT_FIELDS && bits === 32);
  if (!plain || ![1, 4, 8, 24, 32].includes(bits)) {
    throw new PixelwiseError(
      'image-format',
      `${name}: this BMP has ${bits} bits and compression ${compression}; only uncompressed BMPs of 1, 4, 8, 24 or 32 ` +
        'bits can be read. Convert the file to PNG.',
    );
  }
  const stride = Math.ceil((width * bits) / 32) * 4;
  if (pixelsAt + stride * height > bytes.length) throw damaged(name, 'BMP', 'its rows are cut short');
  // If the height is positive, the bottom row is stored first.
  const rowAt = (y: number): number => pixelsAt + stride * (signedHeight > 0 ? height - 1 - y : y);

  if (bits > 8) {
    const data = new Uint8Array(width * height * 3);
    const step = bits / 8;
    for (let y = 0, to = 0; y < height; y++) {
      for (let x = 0, from = rowAt(y); x < width; x++, from += step, to += 3) {
        data[to] = bytes[from + 2]!;
        data[to + 1] = bytes[from + 1]!;
        data[to + 2] = bytes[from]!;
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
