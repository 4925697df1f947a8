/**
 * Encodes PNGs with nothing but JavaScript, so that every runtime writes the same bytes for the same mask: the zlib of
 * Node and those of browsers compress differently. Files are written by `png-write.ts`, which is faster.
 */
import { Zlib } from 'fflate';
import { PixelwiseError, ShapeError } from '../errors/index.js';
import { pngChunk, pngHeaderChunks, unfilteredRows } from './png-chunks.js';
import type { ClassMask, Raster } from './raster.js';
import type { RgbaImage } from './paint-mask.js';

/** Bytes compressed before other work gets a turn. */
const PIECE = 2 ** 20;

/**
 * A mask as PNG whose stored values are the mask's.
 *
 * @param palette RGB triples by value; undefined for grey.
 * @throws ShapeError if the mask is not width × height values, or a value has no colour.
 */
export async function maskPng(
  { width, height, data }: ClassMask,
  palette: Uint8Array | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  checkCount(width, height, 1, data.length);
  if (palette !== undefined) {
    const most = data.reduce((highest, value) => Math.max(highest, value), 0);
    if (most >= palette.length / 3) {
      throw new ShapeError(
        `The mask has the value ${most}, but there are only ${palette.length / 3} colours.`,
      );
    }
  }
  const rows = Math.max(1, Math.floor(PIECE / (width + 1)));
  const parts: Uint8Array[] = [];
  const deflater = new Zlib({ level: 4 }, (part) => parts.push(part));
  for (let y = 0; y < height; y += rows) {
    if (y > 0) await anotherTurn();
    const piece = data.subarray(y * width, Math.min(height, y + rows) * width);
    deflater.push(unfilteredRows(piece, width), y + rows >= height);
  }
  return joined([
    ...pngHeaderChunks(width, height, 8, palette),
    pngChunk('IDAT', joined(parts)),
    pngChunk('IEND', new Uint8Array(0)),
  ]);
}

const anotherTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** An image that {@link imagePng} writes. @throws PixelwiseError `image-encode` for another, ShapeError for a wrong length. */
export function encodable(image: Raster | RgbaImage): {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
  readonly data: Uint8Array | Uint8ClampedArray;
} {
  const { width, height, data } = image;
  const channels = 'channels' in image ? image.channels : 4;
  checkCount(width, height, channels, data.length);
  if (![1, 3, 4].includes(channels) || data instanceof Uint16Array || data instanceof Float32Array) {
    throw new PixelwiseError(
      'image-encode',
      `An image of ${channels} channels${data.BYTES_PER_ELEMENT === 1 ? '' : ' whose values are not bytes'} cannot be written as PNG. ` +
        'Pass 1, 3 or 4 channels of 8 bits, for example an overlay.',
    );
  }
  return { width, height, channels: channels as 1 | 3 | 4, data };
}

/**
 * An 8-bit image of 1 (grey), 3 (RGB) or 4 channels (RGB and opacity) as PNG. Rows are filtered by differences to the
 * left neighbour and compressed by the runtime's own zlib.
 */
export async function imagePng(image: Raster | RgbaImage): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, data, channels } = encodable(image);
  const stride = width * channels;
  const rows = Math.max(1, Math.floor(PIECE / stride));
  let y = 0;
  const filtered = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const end = Math.min(height, y + rows);
      const piece = new Uint8Array((end - y) * (stride + 1));
      for (let at = 0; y < end; y++) {
        piece[at++] = 1;
        const start = y * stride;
        for (let i = start; i < start + channels; i++) piece[at++] = data[i]!;
        for (let i = start + channels; i < start + stride; i++) piece[at++] = data[i]! - data[i - channels]!;
      }
      controller.enqueue(piece);
      if (y === height) controller.close();
    },
  });
  const packed = await new Response(filtered.pipeThrough(new CompressionStream('deflate'))).arrayBuffer();
  return joined([
    ...pngHeaderChunks(width, height, 8, undefined, channels),
    pngChunk('IDAT', new Uint8Array(packed)),
    pngChunk('IEND', new Uint8Array(0)),
  ]);
}

function checkCount(width: number, height: number, channels: number, values: number): void {
  if (width >= 1 && height >= 1 && values === width * height * channels) return;
  throw new ShapeError(
    `${values} values for ${width}×${height} pixels of ${channels} channel${channels === 1 ? '' : 's'}; ` +
      `${width * height * channels} are needed.`,
  );
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
