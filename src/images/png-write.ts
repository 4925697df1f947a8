/** One-channel PNGs: grey masks, and palette masks whose indices are the classes (PNG specification). */
import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createDeflate, deflate } from 'node:zlib';
import { ShapeError } from '../errors/index.js';
import type { IndexedRaster } from './indexed.js';

const deflateAsync = promisify(deflate);

const GREY = 0;
const PALETTE = 3;

/**
 * Encodes one value a pixel: 8-bit grey, 16-bit grey (Uint16Array), or, given a palette of RGB triples,
 * 8-bit palette, where viewers show colours and decoders that keep indices find the values unchanged.
 * Throws ShapeError where the data does not fill width × height or an index has no palette entry.
 *
 * @param transparent palette indices through which viewers show what lies beneath.
 */
export async function encodeIndexedPng(
  image: IndexedRaster,
  { transparent = [] }: { readonly transparent?: readonly number[] } = {},
): Promise<Uint8Array> {
  const { width, height, data, palette } = image;
  if (data.length !== width * height) {
    throw new ShapeError(
      `${data.length} values for a mask of ${width}×${height}; ${width * height} are needed.`,
    );
  }
  const wide = data instanceof Uint16Array;
  if (palette !== undefined) {
    const entries = palette.length / 3;
    if (wide || entries > 256)
      throw new ShapeError('A PNG palette has at most 256 entries, for 8-bit indices.');
    const highest = data.reduce((most, value) => Math.max(most, value), 0);
    if (highest >= entries) throw new ShapeError(`Index ${highest} has no entry in a palette of ${entries}.`);
  }
  const rowBytes = width * (wide ? 2 : 1);
  // A leading zero in every row: no filter, which suits runs of equal indices best.
  const rows = new Uint8Array(height * (rowBytes + 1));
  for (let y = 0; y < height; y++) {
    const to = y * (rowBytes + 1) + 1;
    if (!wide) rows.set(data.subarray(y * width, (y + 1) * width), to);
    else {
      for (let x = 0; x < width; x++) {
        const value = data[y * width + x]!;
        rows[to + 2 * x] = value >> 8;
        rows[to + 2 * x + 1] = value & 255;
      }
    }
  }
  return Buffer.concat([
    beginning(width, height, wide ? 16 : 8, palette),
    ...(transparent.length === 0 ? [] : [chunk('tRNS', alphas(transparent))]),
    chunk('IDAT', await deflateAsync(rows, { level: 6 })),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

/** A mask that is written row after row, whatever its height: an 8-bit PNG with a palette. */
export class PngMaskWriter {
  private readonly deflater = createDeflate({ level: 6, chunkSize: 2 ** 16 });
  private readonly written: Promise<void>;
  private rows = 0;

  /** @param file empty, and open until {@link end} has ended. @param palette RGB triples by index. */
  constructor(
    file: FileHandle,
    private readonly width: number,
    private readonly height: number,
    palette: Uint8Array,
  ) {
    const write = async (): Promise<void> => {
      await file.write(beginning(width, height, 8, palette));
      for await (const part of this.deflater) await file.write(chunk('IDAT', part as Uint8Array));
      await file.write(chunk('IEND', new Uint8Array(0)));
    };
    this.written = write();
    // It is waited for by `write` and `end`; until then a failure must not count as unhandled.
    this.written.catch(() => undefined);
  }

  /** Appends whole rows of indices, each below the entries of the palette. */
  async write(indices: Uint8Array): Promise<void> {
    const { width } = this;
    const rows = indices.length / width;
    this.rows += rows;
    if (!Number.isInteger(rows) || this.rows > this.height) {
      throw new ShapeError(`${indices.length} values are no rows of a mask of ${width}×${this.height}.`);
    }
    const lines = new Uint8Array(rows * (width + 1));
    for (let y = 0; y < rows; y++) {
      lines.set(indices.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
    }
    if (!this.deflater.write(lines)) await Promise.race([once(this.deflater, 'drain'), this.written]);
  }

  /** Ends the file, once all rows were written. */
  async end(): Promise<void> {
    if (this.rows !== this.height) {
      throw new ShapeError(`${this.rows} rows of a mask of ${this.width}×${this.height} were written.`);
    }
    this.deflater.end();
    await this.written;
  }

  /** Gives up; the file may be closed afterwards. */
  async abort(): Promise<void> {
    this.deflater.destroy();
    await this.written.catch(() => undefined);
  }
}

/** Signature, header and palette. */
function beginning(width: number, height: number, bits: 8 | 16, palette: Uint8Array | undefined): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = bits;
  header[9] = palette === undefined ? GREY : PALETTE;
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    ...(palette === undefined ? [] : [chunk('PLTE', palette)]),
  ]);
}

/** Alpha by palette index, as far as the last that is not opaque (PNG specification, 11.3.1.1). */
function alphas(transparent: readonly number[]): Uint8Array {
  const values = new Uint8Array(Math.max(...transparent) + 1).fill(255);
  for (const index of transparent) values[index] = 0;
  return values;
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(12 + body.length);
  const view = new DataView(whole.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) whole[4 + i] = type.charCodeAt(i);
  whole.set(body, 8);
  view.setUint32(8 + body.length, crc32(whole.subarray(4, 8 + body.length)));
  return whole;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** The checksum of PNG, gzip and zip (ISO 3309). */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
