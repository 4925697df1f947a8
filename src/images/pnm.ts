/**
 * Portable bitmaps, greymaps and pixmaps, in text (P1, P2, P3) and binary (P4, P5, P6), as MATLAB, scikit-image and
 * many laboratory programs write them (the Netpbm formats' specifications).
 */
import { checkPixelCount, damaged, type ImageBytes } from './image-source.js';
import type { Raster } from './raster.js';

/** Values as stored, with the largest one that the header allows. */
export interface PnmImage extends Raster {
  readonly data: Uint8Array | Uint16Array;
  readonly largest: number;
}

/** A bitmap's black pixels become 0 and its white ones 255; other values stay as stored. */
export function decodePnm({ name, bytes, maxPixels }: ImageBytes): PnmImage {
  const kind = bytes[1]! - 0x30;
  const fail = (detail: string): never => {
    throw damaged(name, 'PGM/PPM', detail);
  };
  let at = 2;
  /** The next number in text; comments run from # to the end of the line. */
  const number = (digits = Infinity): number => {
    for (;;) {
      const byte = bytes[at];
      if (byte === undefined) fail('it ends too early');
      if (byte === 0x23) while (at < bytes.length && bytes[at] !== 0x0a) at++;
      else if (byte! > 0x20) break;
      at++;
    }
    let value = 0;
    let read = 0;
    for (; read < digits && bytes[at]! >= 0x30 && bytes[at]! <= 0x39; at++, read++) {
      value = 10 * value + bytes[at]! - 0x30;
    }
    if (read === 0) fail(`byte ${at} is no digit`);
    return value;
  };
  const [width, height] = [number(), number()];
  if (width === 0 || height === 0) fail(`its size is ${width}×${height}`);
  checkPixelCount(name, width, height, maxPixels);
  const isBitmap = kind === 1 || kind === 4;
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const largest = isBitmap ? 255 : number();
  if (largest < 1 || largest > 65535) fail(`its largest value is ${largest}`);
  const length = width * height * channels;
  const wide = largest > 255;
  const isText = kind <= 3;
  if (!isText) at++;
  const rowBytes = kind === 4 ? Math.ceil(width / 8) : width * channels * (wide ? 2 : 1);
  // In text a value takes two bytes or more, but for bits, which may stand side by side.
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
  return { width, height, channels, data, largest };
}

/** Values of fewer than 8 bits scaled to 0…255; others as stored. */
export function pnmToRaster({ width, height, channels, data, largest }: PnmImage): Raster {
  if (largest >= 255) return { width, height, channels, data };
  return { width, height, channels, data: data.map((value) => Math.round((255 * value) / largest)) };
}
