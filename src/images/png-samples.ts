/**
 * PNG reader that returns the stored values: palette indices, unscaled 1-, 2- and 4-bit greys, 16-bit samples
 * (PNG specification, third edition). Needed because sharp and browsers convert palettes to colours. Uses nothing
 * from Node: the caller inflates.
 */
import { pngHeader } from './image-header.js';
import { checkPixelCount, damaged } from './image-limits.js';

/** Samples of a PNG as stored, H×W×C interleaved (1 channel for palette and grey). */
export interface PngSamples {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly channels: number;
  readonly data: Uint8Array | Uint16Array;
  /** RGB triples; present if and only if the samples are palette indices. */
  readonly palette?: Uint8Array | undefined;
}

interface Pass {
  readonly x: number;
  readonly y: number;
  readonly stepX: number;
  readonly stepY: number;
}

const NOT_INTERLACED: readonly Pass[] = [{ x: 0, y: 0, stepX: 1, stepY: 1 }];

/** Section 8.1, interlace method 1. */
const ADAM7: readonly Pass[] = [
  { x: 0, y: 0, stepX: 8, stepY: 8 },
  { x: 4, y: 0, stepX: 8, stepY: 8 },
  { x: 0, y: 4, stepX: 4, stepY: 8 },
  { x: 2, y: 0, stepX: 4, stepY: 4 },
  { x: 0, y: 2, stepX: 2, stepY: 4 },
  { x: 1, y: 0, stepX: 2, stepY: 2 },
  { x: 0, y: 1, stepX: 1, stepY: 2 },
];

/**
 * Decodes a PNG.
 * @param name of the file, for messages.
 * @param inflate undoes zlib's compression of the concatenated parts. It should fail beyond `most` bytes, so that a
 *   malicious file cannot exhaust memory.
 * @throws PixelwiseError `image-damaged` or `image-too-large`.
 */
export async function decodePng(
  name: string,
  bytes: Uint8Array,
  inflate: (parts: readonly Uint8Array[], most: number) => Uint8Array | Promise<Uint8Array>,
): Promise<PngSamples> {
  const header = pngHeader(bytes);
  if (header === undefined) throw damaged(name, 'PNG', 'it does not begin with an IHDR chunk');
  const { width, height, bitDepth, channels } = header;
  if (width === 0 || height === 0) throw damaged(name, 'PNG', `its size is ${width}×${height}`);
  if (channels === 0 || ![1, 2, 4, 8, 16].includes(bitDepth) || (channels > 1 && bitDepth < 8)) {
    throw damaged(name, 'PNG', `colour type ${bytes[25]} with ${bitDepth} bits`);
  }
  checkPixelCount(name, width, height);

  const { parts, palette } = readChunks(name, bytes);
  if (header.palette && palette === undefined) throw damaged(name, 'PNG', 'its palette is missing');
  const passes = bytes[28] === 1 ? ADAM7 : NOT_INTERLACED;
  const bitsPerPixel = bitDepth * channels;
  let expected = 0;
  for (const pass of passes) {
    const [columns, rows] = passSize(pass, width, height);
    if (columns > 0) expected += rows * (1 + Math.ceil((columns * bitsPerPixel) / 8));
  }
  let inflated: Uint8Array;
  try {
    inflated = await inflate(parts, expected + 1);
  } catch (cause) {
    throw damaged(name, 'PNG', cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (inflated.length !== expected) {
    throw damaged(name, 'PNG', `${inflated.length} bytes of pixels instead of ${expected}`);
  }

  const data =
    bitDepth === 16 ? new Uint16Array(width * height * channels) : new Uint8Array(width * height * channels);
  let at = 0;
  for (const pass of passes) {
    const [columns, rows] = passSize(pass, width, height);
    if (columns === 0 || rows === 0) continue;
    const rowBytes = Math.ceil((columns * bitsPerPixel) / 8);
    const step = Math.max(1, bitsPerPixel >> 3);
    for (let row = 0; row < rows; row++) {
      if (!unfilterRow(inflated, at, rowBytes, step, row === 0)) {
        throw damaged(name, 'PNG', `row ${row} has the unknown filter ${inflated[at]}`);
      }
      const to = ((pass.y + row * pass.stepY) * width + pass.x) * channels;
      scatterRow(inflated, at + 1, data, to, columns, channels, pass.stepX * channels, bitDepth);
      at += 1 + rowBytes;
    }
  }
  return { width, height, bitDepth, channels, data, palette: header.palette ? palette : undefined };
}

function passSize(pass: Pass, width: number, height: number): [columns: number, rows: number] {
  return [
    Math.max(0, Math.ceil((width - pass.x) / pass.stepX)),
    Math.max(0, Math.ceil((height - pass.y) / pass.stepY)),
  ];
}

function readChunks(
  name: string,
  bytes: Uint8Array,
): { parts: Uint8Array[]; palette: Uint8Array | undefined } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let palette: Uint8Array | undefined;
  for (let at = 8; ;) {
    if (at + 12 > bytes.length) throw damaged(name, 'PNG', 'it ends before its IEND chunk');
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === 'IEND') break;
    if (at + 12 + length > bytes.length) throw damaged(name, 'PNG', `its ${type} chunk is cut short`);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (type === 'IDAT') parts.push(body);
    else if (type === 'PLTE') palette = body.slice();
    at += 12 + length;
  }
  if (parts.length === 0) throw damaged(name, 'PNG', 'it has no pixels');
  return { parts, palette };
}

/**
 * Undoes a row's filter in place (section 9.2). `data[at]` is the filter type, and the row above ends just before
 * it. Returns false for an unknown filter.
 */
function unfilterRow(data: Uint8Array, at: number, rowBytes: number, step: number, first: boolean): boolean {
  const filter = data[at]!;
  const start = at + 1;
  const end = start + rowBytes;
  const above = rowBytes + 1;
  switch (filter) {
    case 0:
      return true;
    case 1:
      for (let i = start + step; i < end; i++) data[i] = data[i]! + data[i - step]!;
      return true;
    case 2:
      if (!first) for (let i = start; i < end; i++) data[i] = data[i]! + data[i - above]!;
      return true;
    case 3:
      for (let i = start; i < end; i++) {
        const left = i - step >= start ? data[i - step]! : 0;
        const up = first ? 0 : data[i - above]!;
        data[i] = data[i]! + ((left + up) >> 1);
      }
      return true;
    case 4:
      for (let i = start; i < end; i++) {
        const inside = i - step >= start;
        const left = inside ? data[i - step]! : 0;
        const up = first ? 0 : data[i - above]!;
        const corner = inside && !first ? data[i - above - step]! : 0;
        const toLeft = Math.abs(up - corner);
        const toUp = Math.abs(left - corner);
        const toCorner = Math.abs(left + up - 2 * corner);
        const paeth = toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
        data[i] = data[i]! + paeth;
      }
      return true;
    default:
      return false;
  }
}

/** Writes a row's samples to the image, with `stride` values between pixels. */
function scatterRow(
  row: Uint8Array,
  from: number,
  data: Uint8Array | Uint16Array,
  to: number,
  columns: number,
  channels: number,
  stride: number,
  bitDepth: number,
): void {
  if (bitDepth === 8) {
    if (stride === channels) {
      data.set(row.subarray(from, from + columns * channels), to);
      return;
    }
    for (let x = 0; x < columns; x++) {
      for (let c = 0; c < channels; c++) data[to + x * stride + c] = row[from + x * channels + c]!;
    }
  } else if (bitDepth === 16) {
    for (let x = 0; x < columns; x++) {
      for (let c = 0; c < channels; c++) {
        const i = from + 2 * (x * channels + c);
        data[to + x * stride + c] = row[i]! * 256 + row[i + 1]!;
      }
    }
  } else {
    // Several pixels share a byte, the leftmost in the high bits. Only one-channel images have such depths.
    const low = 2 ** bitDepth - 1;
    for (let x = 0; x < columns; x++) {
      const bit = x * bitDepth;
      data[to + x * stride] = (row[from + (bit >> 3)]! >> (8 - bitDepth - (bit & 7))) & low;
    }
  }
}
