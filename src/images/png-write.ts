/** One-channel PNGs: grey masks, and palette masks whose indices are the classes (PNG specification). */
import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createDeflate, deflate } from 'node:zlib';
import { ShapeError } from '../errors/index.js';
import type { IndexedRaster } from './indexed.js';
import { pngBeginning, pngChunk, unfilteredRows } from './png-chunks.js';

const deflateAsync = promisify(deflate);

/** What a palette lets be seen of what lies beneath. */
export interface PaletteTransparency {
  /** Indices through which it is seen as it is. */
  readonly transparent?: readonly number[];
  /** Indices through which it is seen faintly, with the weight of their own colour, above 0 and below 1. */
  readonly veils?: ReadonlyMap<number, number>;
}

/**
 * Encodes one value a pixel: 8-bit grey, 16-bit grey (Uint16Array), or, given a palette of RGB triples,
 * 8-bit palette, where viewers show colours and decoders that keep indices find the values unchanged.
 * Throws ShapeError where the data does not fill width × height or an index has no palette entry.
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
    const highest = data.reduce((most, value) => Math.max(most, value), 0);
    if (highest >= entries) throw new ShapeError(`Index ${highest} has no entry in a palette of ${entries}.`);
  }
  const rows = wide ? unfilteredRows(bigEndian(data), 2 * width) : unfilteredRows(data, width);
  return Buffer.concat([
    ...pngBeginning(width, height, wide ? 16 : 8, palette),
    ...transparencyChunk(transparency),
    pngChunk('IDAT', await deflateAsync(rows, { level: 6 })),
    pngChunk('IEND', new Uint8Array(0)),
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
      await file.write(Buffer.concat(pngBeginning(width, height, 8, palette)));
      for await (const part of this.deflater) await file.write(pngChunk('IDAT', part as Uint8Array));
      await file.write(pngChunk('IEND', new Uint8Array(0)));
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
    const lines = unfilteredRows(indices, width);
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

/** 16-bit values as PNG has them, the high byte first. */
function bigEndian(values: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    bytes[2 * i] = values[i]! >> 8;
    bytes[2 * i + 1] = values[i]! & 255;
  }
  return bytes;
}

/** Alpha by palette index, as far as the last that is not opaque (PNG specification, 11.3.1.1). */
function transparencyChunk({ transparent = [], veils = new Map() }: PaletteTransparency): Uint8Array[] {
  const weights = new Map([...veils, ...transparent.map((index) => [index, 0] as const)]);
  if (weights.size === 0) return [];
  const alphas = new Uint8Array(Math.max(...weights.keys()) + 1).fill(255);
  for (const [index, weight] of weights) alphas[index] = Math.round(255 * weight);
  return [pngChunk('tRNS', alphas)];
}
