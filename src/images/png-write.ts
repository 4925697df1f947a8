/** Writes one-channel PNGs: grey masks, and palette masks whose indices are the classes (PNG specification). */
import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createDeflate, deflate } from 'node:zlib';
import { ShapeError } from '../errors/index.js';
import type { IndexedRaster } from './indexed.js';
import { pngChunk, pngHeaderChunks, unfilteredRows } from './png-chunks.js';

const deflateAsync = promisify(deflate);

/** Transparency of palette entries. */
export interface PaletteTransparency {
  /** Fully transparent indices. */
  readonly transparent?: readonly number[];
  /** Opacity of translucent indices, between 0 and 1 exclusive. */
  readonly veils?: ReadonlyMap<number, number>;
}

/**
 * Encodes one value per pixel: 8-bit grey, 16-bit grey (Uint16Array) or, with a palette of RGB triples, 8-bit
 * palette indices.
 * @throws ShapeError if the data is not width × height values, or an index has no palette entry.
 */
export async function encodeIndexedPng(
  image: IndexedRaster,
  transparency: PaletteTransparency = {},
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
    let highest = 0;
    // A loop: on large masks `reduce` takes most of a second.
    for (let i = 0; i < data.length; i++) if (data[i]! > highest) highest = data[i]!;
    if (highest >= entries) throw new ShapeError(`Index ${highest} has no entry in a palette of ${entries}.`);
  }
  const rows = wide ? unfilteredRows(bigEndian(data), 2 * width) : unfilteredRows(data, width);
  return Buffer.concat([
    ...pngHeaderChunks(width, height, wide ? 16 : 8, palette),
    ...transparencyChunk(transparency),
    pngChunk('IDAT', await deflateAsync(rows, { level: 6 })),
    pngChunk('IEND', new Uint8Array(0)),
  ]);
}

/** Writes a mask of any height row by row, as an 8-bit PNG with a palette. */
export class PngMaskWriter {
  private readonly deflater = createDeflate({ level: 6, chunkSize: 2 ** 16 });
  private readonly written: Promise<void>;
  private rows = 0;

  /**
   * @param file an empty file that stays open until {@link end} resolves.
   * @param palette RGB triples by index.
   */
  constructor(
    file: FileHandle,
    private readonly width: number,
    private readonly height: number,
    palette: Uint8Array,
  ) {
    const write = async (): Promise<void> => {
      await file.write(Buffer.concat(pngHeaderChunks(width, height, 8, palette)));
      for await (const part of this.deflater) await file.write(pngChunk('IDAT', part as Uint8Array));
      await file.write(pngChunk('IEND', new Uint8Array(0)));
    };
    this.written = write();
    // `write` and `end` report a failure. This prevents an unhandled rejection before that.
    this.written.catch(() => undefined);
  }

  /** Appends whole rows of palette indices. */
  async write(indices: Uint8Array): Promise<void> {
    const { width } = this;
    const rows = indices.length / width;
    this.rows += rows;
    if (!Number.isInteger(rows) || this.rows > this.height) {
      throw new ShapeError(
        `${indices.length} values are not whole rows that fit in a mask of ${width}×${this.height}.`,
      );
    }
    const lines = unfilteredRows(indices, width);
    if (!this.deflater.write(lines)) await Promise.race([once(this.deflater, 'drain'), this.written]);
  }

  /** Completes the file after all rows are written. */
  async end(): Promise<void> {
    if (this.rows !== this.height) {
      throw new ShapeError(`Only ${this.rows} rows of a mask of ${this.width}×${this.height} were written.`);
    }
    this.deflater.end();
    await this.written;
  }

  /** Stops writing; afterwards the file may be closed. */
  async abort(): Promise<void> {
    this.deflater.destroy();
    await this.written.catch(() => undefined);
  }
}

/** 16-bit values in PNG's byte order, high byte first. */
function bigEndian(values: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    bytes[2 * i] = values[i]! >> 8;
    bytes[2 * i + 1] = values[i]! & 255;
  }
  return bytes;
}

/** tRNS chunk: alpha by palette index, up to the last entry that is not opaque (PNG specification, 11.3.1.1). */
function transparencyChunk({ transparent = [], veils = new Map() }: PaletteTransparency): Uint8Array[] {
  const weights = new Map([...veils, ...transparent.map((index) => [index, 0] as const)]);
  if (weights.size === 0) return [];
  const alphas = new Uint8Array(Math.max(...weights.keys()) + 1).fill(255);
  for (const [index, weight] of weights) alphas[index] = Math.round(255 * weight);
  return [pngChunk('tRNS', alphas)];
}
