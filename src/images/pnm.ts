/**
 * Portable bitmaps, greymaps and pixmaps, in text (P1, P2, P3) and binary (P4, P5, P6) form (Netpbm
 * specifications). MATLAB, scikit-image and much laboratory software write them.
 */
import { checkPixelCount, damaged, type ImageBytes } from './image-source.js';
import type { Raster } from './raster.js';

/** Values as stored, and the maximum value from the header. */
export interface PnmImage extends Raster {
  readonly data: Uint8Array | Uint16Array;
  readonly maxValue: number;
}

/** Decodes a file. Black bitmap pixels become 0 and white ones 255; other values are as stored. */
export function decodePnm({ name, bytes, maxPixels }: ImageBytes): PnmImage {
  const kind = bytes[1]! - 0x30;
  const fail = (detail: string): never => {
    throw damaged(name, 'PGM/PPM', detail);
  };
  let at = 2;
  /** Parses the next number; comments go from # to the end of the line. */
  const number = (digits = Infinity): number => {
    for (;;) {
      const byte = bytes[at];
      if (byte === undefined) fail('it is truncated');
      if (byte === 0x23) while (at < bytes.length && bytes[at] !== 0x0a) at++;
      else if (byte! > 0x20) break;
      at++;
    }
    let value = 0;
    let read = 0;
    for (; read < digits && bytes[at]! >= 0x30 && bytes[at]! <= 0x39; at++, read++) {
      value = 10 * value + bytes[at]! - 0x30;
    }
    if (read === 0) fail(`byte ${at} is not a digit`);
    return value;
  };
  const [width, height] = [number(), number()];
  if (width === 0 || height === 0) fail(`its size is ${width}×${height}`);
  checkPixelCount(name, width, height, maxPixels);
  const isBitmap = kind === 1 || kind === 4;
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const maxValue = isBitmap ? 255 : number();
  if (maxValue < 1 || maxValue > 65535) fail(`its maximum value is ${maxValue}`);
  const length = width * height * channels;
  const wide = maxValue > 255;
  const isText = kind <= 3;
  if (!isText) at++;
  const rowBytes = kind === 4 ? Math.ceil(width / 8) : width * channels * (wide ? 2 : 1);
  // In text a value takes at least two bytes, except bits, which need no separator.
  const needed = isText ? (isBitmap ? length : 2 * length - 1) : rowBytes * height;
  if (bytes.length - at < needed) fail('its pixels are cut short');
  const data = wide ? new Uint16Array(length) : new Uint8Array(length);
  if (isText) for (let i = 0; i < length; i++) data[i] = isBitmap ? 255 * (1 - number(1)) : number();
  else if (kind === 4) {
    for (let y = 0, to = 0; y < height; y++) {
      for (let x = 0; x < width; x++, to++) {
        data[to] = bytes[at + y * rowBytes + (x >> 3)]! & (128 >> (x & 7)) ? 0 : 255;
      }
    }
  } else if (wide)
    for (let i = 0; i < length; i++) data[i] = 256 * bytes[at + 2 * i]! + bytes[at + 2 * i + 1]!;
  else data.set(bytes.subarray(at, at + length));
  return { width, height, channels, data, maxValue };
}

/** Scales values of fewer than 8 bits to 0…255; keeps others as stored. */
export function pnmToRaster({ width, height, channels, data, maxValue }: PnmImage): Raster {
  if (maxValue >= 255) return { width, height, channels, data };
  return { width, height, channels, data: data.map((value) => Math.round((255 * value) / maxValue)) };
}
