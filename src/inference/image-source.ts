/** Reads images for a segmenter in Node: files, uploads, streams, canvases and pixels. */
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { decodeImage } from '../images/decode.js';
import { coloursOf } from '../images/rgba.js';
import type { Raster } from '../images/raster.js';

/** `ImageData` of a browser or a canvas package. */
export interface ImageDataLike {
  readonly width: number;
  readonly height: number;
  /** H×W×4: red, green, blue, opacity, 0…255. */
  readonly data: Uint8ClampedArray;
}

/** A canvas, such as that of `@napi-rs/canvas`, `skia-canvas` or `canvas`, or `OffscreenCanvas` where there is one. */
export interface CanvasLike {
  readonly width: number;
  readonly height: number;
  getContext(kind: '2d'): unknown;
}

/** A pipeline of sharp: `sharp('photo.jpg').rotate()`. It is run once; the pipeline itself stays as it is. */
export interface SharpLike {
  clone(): SharpLike;
  png(options?: { compressionLevel?: number }): SharpLike;
  toBuffer(): Promise<Uint8Array>;
}

/**
 * An image: the path of a file, an address (`file:`, `http:`, `https:`, `data:`), the bytes of a file (also as `Blob` or
 * `File`, as uploads arrive), a stream of them (Node's or the web's), a pipeline of sharp, `ImageData`, a canvas, or pixels.
 */
export type ImageSource =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | AsyncIterable<Uint8Array>
  | ReadableStream<Uint8Array>
  | SharpLike
  | CanvasLike
  | ImageDataLike
  | Raster;

/** Where an image came from: a path, an address, the name of a `File`. */
export interface ReadImage {
  readonly raster: Raster;
  readonly file?: string;
}

/** Reads an image. @param channels of the model: a file's alpha channel counts only if the model has it. */
export async function readSource(
  source: ImageSource,
  channels: number,
  signal: AbortSignal | undefined,
): Promise<ReadImage> {
  const decoded = async (bytes: string | Uint8Array, file?: string): Promise<ReadImage> => ({
    raster: await decodeImage(bytes, { channels }),
    ...(file !== undefined && { file }),
  });
  if (typeof source === 'string') return decoded(source, source);
  if (source instanceof URL) {
    if (source.protocol === 'file:') return decoded(fileURLToPath(source), fileURLToPath(source));
    const file = source.protocol === 'data:' ? undefined : source.href;
    return { ...(await decoded(await download(source, signal))), ...(file !== undefined && { file }) };
  }
  if (source instanceof Uint8Array) return decoded(source);
  if (source instanceof ArrayBuffer) return decoded(new Uint8Array(source));
  if (source instanceof Blob) {
    const name = 'name' in source && typeof source.name === 'string' ? source.name : undefined;
    const bytes = new Uint8Array(await source.arrayBuffer());
    return { ...(await named(name, decoded(bytes))), ...(name !== undefined && { file: name }) };
  }
  if (isSharp(source)) return decoded(await source.clone().png({ compressionLevel: 0 }).toBuffer());
  if (isCanvas(source)) return { raster: fromImageData(pixelsOf(source), channels) };
  if (isImageData(source)) return { raster: fromImageData(source, channels) };
  if (isRaster(source)) return { raster: source };
  if (isStream(source)) {
    const parts: Uint8Array[] = [];
    const stream = Symbol.asyncIterator in source ? source : Readable.fromWeb(source);
    for await (const part of stream as AsyncIterable<Uint8Array>) parts.push(part);
    return decoded(Buffer.concat(parts));
  }
  throw new UsageError(
    'This image source is not supported. Pass a path, a URL, the bytes of an image file (Buffer, Uint8Array, ArrayBuffer, ' +
      'Blob, File or a stream), a sharp pipeline, ImageData, a canvas, or { width, height, channels, data }.',
  );
}

/** Names the file in the error of `work`, which knows only bytes. */
async function named<T>(name: string | undefined, work: Promise<T>): Promise<T> {
  if (name === undefined) return work;
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof PixelwiseError)) throw error;
    throw new PixelwiseError(error.code, error.message.replace(/^image in memory/, name), { cause: error });
  }
}

async function download(address: URL, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const failed = (why: string, options?: ErrorOptions) =>
    new PixelwiseError('image-unreadable', `${address.href}: ${why}. Check the address.`, options);
  let response: Response;
  try {
    response = await fetch(address, { signal: signal ?? null });
  } catch (cause) {
    signal?.throwIfAborted();
    throw failed('it cannot be fetched', { cause });
  }
  if (!response.ok) throw failed(`the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Opacity counts only for models of four channels, as with files. */
function fromImageData(image: ImageDataLike, channels: number): Raster {
  const { width, height, data } = image;
  return channels === 4 ? { width, height, channels, data: new Uint8Array(data) } : coloursOf(image);
}

function pixelsOf(canvas: CanvasLike): ImageDataLike {
  const context = canvas.getContext('2d') as {
    getImageData(x: number, y: number, width: number, height: number): ImageDataLike;
  } | null;
  if (!context) throw new UsageError('This canvas has no 2D context. Draw its pixels on one that has.');
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

const has = (value: object, ...names: string[]): boolean =>
  names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');

const isSharp = (source: object): source is SharpLike => has(source, 'clone', 'toBuffer', 'png');
const isCanvas = (source: object): source is CanvasLike => has(source, 'getContext');
const isImageData = (source: object): source is ImageDataLike =>
  'data' in source && source.data instanceof Uint8ClampedArray && !('channels' in source);
const isStream = (
  source: object,
): source is
  AsyncIterable<Uint8Array> | (ReadableStream<Uint8Array> & import('node:stream/web').ReadableStream) =>
  Symbol.asyncIterator in source || has(source, 'getReader');

/** Whether a value is pixels. */
export function isRaster(value: object): value is Raster {
  const { width, height, channels, data } = value as Partial<Raster>;
  return (
    typeof width === 'number' &&
    typeof height === 'number' &&
    typeof channels === 'number' &&
    (data instanceof Uint8Array || data instanceof Uint16Array || data instanceof Float32Array)
  );
}
