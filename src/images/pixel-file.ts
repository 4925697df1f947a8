/**
 * Images too large for memory: decoded once, row by row, to a temporary file of raw pixels, from which any rows
 * can be read.
 */
import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import { isSystemError, writeError } from '../files/index.js';
import type { DecodeOptions, SharpSource } from './decode.js';
import { explainErrors, pixelPipeline, readLayout } from './decode.js';
import { formatOf, unreadable } from './image-source.js';
import { makePixels, type PixelValues, type Raster } from './raster.js';
import { TiffImage } from './tiff/image.js';
import type { PageStructure } from './tiff/structure.js';

/** Bytes to read for the header: in JPEGs the size comes after thumbnails and profiles. */
const HEAD_BYTES = 2 ** 16;

/** Header size of libvips' own file format. */
const VIPS_HEADER_BYTES = 64;

/** Bytes of TIFF rows decoded at a time. */
const ROWS_BYTES = 2 ** 24;

/** Width and height from an image's header, before the orientation is applied. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Page and number of channels to decode. */
type Choice = Pick<DecodeOptions, 'channels' | 'page'>;

/**
 * Reads the size from the header, without a limit; undefined for BMP and PGM, which are always read completely.
 * @throws as `decodeImage`.
 */
export async function imageSize(path: string, { page }: Choice = {}): Promise<ImageSize | undefined> {
  return withSource(path, async (source) => {
    if (source.format === 'bmp' || source.format === 'pnm') return undefined;
    if (source.format !== 'tiff') return readLayout(source);
    return (await openTiff(source, page)).page;
  });
}

/** What `look` finds in the directories of a TIFF, without its pixels; undefined for other formats. */
export async function inTiff<T>(path: string, look: (tiff: TiffImage) => T): Promise<T | undefined> {
  return withSource(path, async (source) =>
    source.format === 'tiff' ? look(await openTiff(source, undefined)) : undefined,
  );
}

/** Page structure of a TIFF, from its directories only; undefined for other formats. */
export const tiffStructure = (path: string): Promise<PageStructure | undefined> =>
  inTiff(path, ({ structure }) => structure);

interface FileSource extends SharpSource {
  readonly size: number;
}

const openTiff = ({ name, read, size }: FileSource, page: Choice['page']): Promise<TiffImage> =>
  TiffImage.open(name, read, size, page);

/** Opens a file, detects its format and passes it to `work`. */
async function withSource<T>(path: string, work: (source: FileSource) => Promise<T>): Promise<T> {
  const file = await open(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  try {
    const read = async (at: number, length: number): Promise<Uint8Array> => {
      const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, at);
      return buffer.subarray(0, bytesRead);
    };
    const head = await read(0, HEAD_BYTES).catch((cause: unknown) => {
      throw unreadable(path, cause);
    });
    const { size } = await file.stat();
    return await work({ name: path, format: formatOf(path, head), head, input: path, read, size });
  } finally {
    await file.close();
  }
}

/** Layout of the pixels in the file. */
interface PixelLayout {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Bytes before the first pixel. */
  readonly start: number;
  readonly make: (values: number) => PixelValues;
}

/** An image whose pixels are in a temporary file. */
export class PixelFile {
  private constructor(
    private readonly layout: PixelLayout,
    private readonly file: FileHandle,
    private readonly path: string,
  ) {}

  get width(): number {
    return this.layout.width;
  }
  get height(): number {
    return this.layout.height;
  }

  /**
   * Decodes an image of any size.
   *
   * @param folder for the temporary file; created if needed. It needs space for all values of the image.
   * @throws PixelwiseError as `decodeImage`, but without a size limit; `write-failed` if the file cannot be
   *   written.
   */
  static async decode(image: string, folder: string, choice: Choice = {}): Promise<PixelFile> {
    return withSource(image, async (source) => {
      const path = join(folder, `.pixels-${randomUUID()}.v`);
      try {
        await mkdir(folder, { recursive: true });
        const layout =
          source.format === 'tiff'
            ? await writeTiff(source, path, choice)
            : await writeWithSharp(source, path, choice);
        return new PixelFile(layout, await open(path), path);
      } catch (error) {
        await rm(path, { force: true }).catch(() => undefined);
        if (error instanceof PixelwiseError || !isSystemError(error)) throw error;
        throw writeError(folder, error, `It has to hold the decoded pixels of ${image}.`);
      }
    });
  }

  /** Reads the rows from `top` to `top + rows`, all columns. */
  async rows(top: number, rows: number): Promise<Raster> {
    const { width, channels, start, make } = this.layout;
    const data = make(width * rows * channels);
    const bytes = new Uint8Array(data.buffer);
    const from = start + top * width * channels * data.BYTES_PER_ELEMENT;
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await this.file.read(bytes, at, bytes.length - at, from + at);
      if (bytesRead === 0) throw new PixelwiseError('image-unreadable', `${this.path} was truncated.`);
      at += bytesRead;
    }
    return { width, height: rows, channels, data };
  }

  /** Removes the file. */
  async close(): Promise<void> {
    await this.file.close();
    await rm(this.path, { force: true });
  }
}

async function writeWithSharp(source: FileSource, path: string, { channels }: Choice): Promise<PixelLayout> {
  const layout = await readLayout(source);
  const pipeline = await pixelPipeline(source, layout, false, channels);
  const info = await explainErrors(source, pipeline.toFile(path));
  const make = (values: number): PixelValues => makePixels(layout.bitDepth === 16 ? 65535 : 255, values);
  return { width: info.width, height: info.height, channels: info.channels, start: VIPS_HEADER_BYTES, make };
}

async function writeTiff(source: FileSource, path: string, choice: Choice): Promise<PixelLayout> {
  const tiff = await openTiff(source, choice.page);
  if (tiff.isLeftToVips) return writeWithSharp(source, path, choice);
  if (tiff.page.orientation > 1) {
    throw new PixelwiseError(
      'image-too-large',
      `${source.name}: too large to apply its orientation (${tiff.page.orientation}) in memory. Save it ` +
        'upright, or cut it into tiles.',
    );
  }
  const { width, height } = tiff.page;
  const { channels, maxValue } = tiff.layout(choice.channels);
  const make = (values: number): PixelValues => makePixels(maxValue, values);
  // Whole blocks at a time, so that no block is decoded twice.
  const blocks = Math.max(1, Math.floor(ROWS_BYTES / (width * channels * 4 * tiff.page.block.height)));
  const step = Math.min(height, blocks * tiff.page.block.height);
  const file = await open(path, 'wx');
  try {
    for (let top = 0; top < height; top += step) {
      const { data } = await tiff.rows(top, Math.min(step, height - top), choice.channels);
      await file.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  } finally {
    await file.close();
  }
  return { width, height, channels, start: 0, make };
}
