/** Building blocks of PNG files (PNG specification, sections 5 and 11). Uses nothing from Node. */
import { crc32 } from '../files/crc.js';

const PALETTE = 3;
/** Colour types by number of channels: grey, RGB, RGB and opacity. */
const COLOUR_TYPES: Readonly<Record<number, number>> = { 1: 0, 3: 2, 4: 6 };

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** Signature, header and, if given, the palette of RGB triples of one-channel images. */
export function pngHeaderChunks(
  width: number,
  height: number,
  bits: 8 | 16,
  palette: Uint8Array | undefined,
  channels = 1,
): Uint8Array<ArrayBuffer>[] {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = bits;
  header[9] = palette === undefined ? COLOUR_TYPES[channels]! : PALETTE;
  return [SIGNATURE, pngChunk('IHDR', header), ...(palette === undefined ? [] : [pngChunk('PLTE', palette)])];
}

/** Rows below this width are copied byte by byte, which is faster than a view of each. */
const NARROW = 32;

/**
 * Rows of one byte per pixel, each after a filter byte of 0 (no filter), which compresses runs of equal indices
 * best.
 */
export function unfilteredRows(indices: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const height = indices.length / width;
  const rows = new Uint8Array(height * (width + 1));
  if (width < NARROW) {
    for (let y = 0, i = 0, to = 0; y < height; y++) {
      to++;
      for (let x = 0; x < width; x++) rows[to++] = indices[i++]!;
    }
    return rows;
  }
  for (let y = 0; y < height; y++)
    rows.set(indices.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return rows;
}

export function pngChunk(type: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(12 + body.length);
  const view = new DataView(whole.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) whole[4 + i] = type.charCodeAt(i);
  whole.set(body, 8);
  view.setUint32(8 + body.length, crc32(whole.subarray(4, 8 + body.length)));
  return whole;
}
