/**
 * Reads the first frame of a GIF as palette indices (GIF89a specification, CompuServe 1990; LZW as in its
 * appendix F). sharp returns colours, but masks need the indices.
 */
import { checkPixelCount, damaged, type ImageBytes } from './image-source.js';
import type { IndexedRaster } from './indexed.js';

const IMAGE = 0x2c;
const EXTENSION = 0x21;
const MAX_CODE_BITS = 12;

export function readGif({ name, bytes }: ImageBytes): IndexedRaster {
  const byte = (at: number): number => {
    const value = bytes[at];
    if (value === undefined) throw damaged(name, 'GIF', 'it ends before its first frame is complete');
    return value;
  };
  const word = (at: number): number => byte(at) + 256 * byte(at + 1);
  const width = word(6);
  const height = word(8);
  if (width === 0 || height === 0) throw damaged(name, 'GIF', `its size is ${width}×${height}`);
  checkPixelCount(name, width, height);
  let at = 13;
  const tableSize = (flags: number): number => (flags & 0x80 ? 2 << (flags & 7) : 0);
  const readTable = (entries: number): Uint8Array => {
    byte(at + entries * 3 - 1);
    const table = bytes.slice(at, at + entries * 3);
    at += entries * 3;
    return table;
  };
  const globalEntries = tableSize(byte(10));
  let palette = globalEntries > 0 ? readTable(globalEntries) : undefined;
  const background = globalEntries > 0 ? byte(11) : 0;

  while (byte(at) === EXTENSION) {
    at += 2;
    while (byte(at) !== 0) at += byte(at) + 1;
    at += 1;
  }
  if (byte(at) !== IMAGE) throw damaged(name, 'GIF', 'it has no frame');
  const left = word(at + 1);
  const top = word(at + 3);
  const frameWidth = word(at + 5);
  const frameHeight = word(at + 7);
  const flags = byte(at + 9);
  at += 10;
  if (frameWidth * frameHeight === 0 || left + frameWidth > width || top + frameHeight > height) {
    throw damaged(name, 'GIF', `a frame of ${frameWidth}×${frameHeight} in a picture of ${width}×${height}`);
  }
  const localEntries = tableSize(flags);
  if (localEntries > 0) palette = readTable(localEntries);
  if (palette === undefined) throw damaged(name, 'GIF', 'it has no palette');
  const codeBits = byte(at);
  if (codeBits < 1 || codeBits > 8) throw damaged(name, 'GIF', `codes of ${codeBits} bits`);
  const stream = joinBlocks(at + 1, byte, bytes);
  const frame = new Uint8Array(frameWidth * frameHeight);
  const decoded = decodeLzw(stream, codeBits, frame);
  if (decoded < frame.length) {
    throw damaged(name, 'GIF', `its first frame has ${decoded} of ${frame.length} pixels`);
  }
  const whole = frameWidth === width && frameHeight === height;
  const interlaced = (flags & 0x40) !== 0;
  if (whole && !interlaced) return { width, height, data: frame, palette };
  const data = new Uint8Array(width * height).fill(background);
  let row = 0;
  for (const [first, step] of interlaced ? INTERLACE : [[0, 1] as const]) {
    for (let y = first; y < frameHeight; y += step, row++) {
      data.set(frame.subarray(row * frameWidth, (row + 1) * frameWidth), (top + y) * width + left);
    }
  }
  return { width, height, data, palette };
}

/** First row and step of each of the four passes (appendix E). */
const INTERLACE = [
  [0, 8],
  [4, 8],
  [2, 4],
  [1, 2],
] as const;

function joinBlocks(start: number, byte: (at: number) => number, bytes: Uint8Array): Uint8Array {
  let length = 0;
  for (let at = start; byte(at) !== 0; at += byte(at) + 1) length += byte(at);
  const joined = new Uint8Array(length);
  let to = 0;
  for (let at = start; bytes[at] !== 0; at += bytes[at]! + 1) {
    joined.set(bytes.subarray(at + 1, at + 1 + bytes[at]!), to);
    to += bytes[at]!;
  }
  return joined;
}

/** Decodes pixels to `out` and returns their number; stops at the end code or at an invalid code. */
function decodeLzw(stream: Uint8Array, codeBits: number, out: Uint8Array): number {
  const clear = 1 << codeBits;
  const end = clear + 1;
  // Each code is a string that already occurs in the output, so the table stores its start and length.
  const startOf = new Int32Array(1 << MAX_CODE_BITS);
  const lengthOf = new Int32Array(1 << MAX_CODE_BITS);
  let next = end + 1;
  let width = codeBits + 1;
  let previousStart = -1;
  let previousLength = 0;
  let written = 0;
  let buffer = 0;
  let bits = 0;
  let at = 0;
  while (written < out.length) {
    while (bits < width && at < stream.length) {
      buffer |= stream[at++]! << bits;
      bits += 8;
    }
    if (bits < width) break;
    const code = buffer & ((1 << width) - 1);
    buffer >>>= width;
    bits -= width;
    if (code === clear) {
      next = end + 1;
      width = codeBits + 1;
      previousStart = -1;
      continue;
    }
    if (code === end) break;
    const from = written;
    let length: number;
    if (code < clear) {
      length = 1;
      out[written++] = code;
    } else if (code < next && code > end) {
      length = lengthOf[code]!;
      const source = startOf[code]!;
      for (let i = 0; i < length && written < out.length; i++) out[written++] = out[source + i]!;
    } else if (code === next && previousStart >= 0) {
      length = previousLength + 1;
      for (let i = 0; i < previousLength && written < out.length; i++)
        out[written++] = out[previousStart + i]!;
      if (written < out.length) out[written++] = out[previousStart]!;
    } else break;
    if (previousStart >= 0 && next < 1 << MAX_CODE_BITS) {
      // The new string is the previous one plus the first value of this one. They are adjacent in the output.
      startOf[next] = previousStart;
      lengthOf[next] = previousLength + 1;
      next++;
      if (next === 1 << width && width < MAX_CODE_BITS) width++;
    }
    previousStart = from;
    previousLength = length;
  }
  return written;
}
