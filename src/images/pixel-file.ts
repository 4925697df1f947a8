/**
 * Images too large for memory: decoded once, line after line, into a file of bare pixels beside the results,
 * from which any rows are read.
 */
import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import type { Layout, SharpSource } from './decode.js';
import { explained, pixelPipeline, readLayout, withoutRepeats } from './decode.js';
import { formatOf, unreadable } from './image-source.js';
import type { Raster } from './raster.js';

/** Bytes by which formats are told; JPEGs keep their size behind thumbnails and profiles. */
const HEAD_BYTES = 2 ** 16;

/** Before the pixels in a file of libvips' own format. */
const VIPS_HEADER_BYTES = 64;

/** Width and height of an image as its header tells them, without what an orientation changes. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Reads a header, however large the image; undefined for a BMP, which is read whole. Throws as `decodeImage` does. */
export async function imageSize(path: string): Promise<ImageSize | undefined> {
  return withSource(path, async (source) => (source.format === 'bmp' ? undefined : readLayout(source)));
}

/** Opens a file for reading what its header tells. */
async function withSource<T>(path: string, work: (source: SharpSource) => Promise<T>): Promise<T> {
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
    return await work({ name: path, format: formatOf(path, head), head, input: path, read });
  } finally {
    await file.close();
  }
}

/** An image whose pixels lie in a file. */
export class PixelFile {
  private constructor(
    readonly width: number,
    readonly height: number,
    private readonly stored: number,
    private readonly layout: Layout,
    private readonly file: FileHandle,
    private readonly path: string,
  ) {}

  /**
   * Decodes an image of any size.
   *
   * @param folder takes the file of pixels, as many bytes as the image has values; made as needed.
   * @throws PixelwiseError as `decodeImage` does, but for images that are large, and `write-failed` where the
   *   folder cannot take the pixels.
   */
  static async decode(image: string, folder: string): Promise<PixelFile> {
    return withSource(image, async (source) => {
      const layout = await readLayout(source);
      const path = join(folder, `.pixels-${randomUUID()}.v`);
      try {
        await mkdir(folder, { recursive: true });
        const { width, height, channels } = await explained(
          source,
          pixelPipeline(source, layout, false).toFile(path),
        );
        return new PixelFile(width, height, channels, layout, await open(path), path);
      } catch (error) {
        await rm(path, { force: true });
        const code = (error as NodeJS.ErrnoException).code;
        if (error instanceof PixelwiseError || code === undefined) throw error;
        throw new PixelwiseError(
          'write-failed',
          `${folder}: cannot take the pixels of ${image} (${code}). Check that the folder may be written to and the disk has room.`,
          { cause: error },
        );
      }
    });
  }

  /** Rows `top` to `top + rows`, all columns. */
  async rows(top: number, rows: number): Promise<Raster> {
    const { width, stored: channels } = this;
    const wide = this.layout.bitDepth === 16;
    const values = width * rows * channels;
    const data = wide ? new Uint16Array(values) : new Uint8Array(values);
    const bytes = new Uint8Array(data.buffer);
    const start = VIPS_HEADER_BYTES + top * width * channels * data.BYTES_PER_ELEMENT;
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await this.file.read(bytes, at, bytes.length - at, start + at);
      if (bytesRead === 0) throw new PixelwiseError('image-unreadable', `${this.path} has been cut short.`);
      at += bytesRead;
    }
    return withoutRepeats({ width, height: rows, channels, data }, this.layout);
  }

  /** Removes the file. */
  async close(): Promise<void> {
    await this.file.close();
    await rm(this.path, { force: true });
  }
}
