/** Converts the image sources of a page to values that can be sent to a worker. */
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { Raster } from '../images/raster.js';
import type { SentImage } from './messages.js';

/**
 * An image: a URL, the bytes of an image file (also as `Blob` or `File`) or a stream of them, ImageData, ImageBitmap, a
 * canvas, an `<img>`, a `<video>` (its current frame), a VideoFrame, or pixel values.
 */
export type ImageSource =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | ImageData
  | ImageBitmap
  | HTMLCanvasElement
  | OffscreenCanvas
  | HTMLImageElement
  | HTMLVideoElement
  | VideoFrame
  | Raster;

/** Decodes files as in Node: applies the EXIF orientation, ignores colour profiles, does not premultiply alpha. */
export const AS_STORED: ImageBitmapOptions = {
  colorSpaceConversion: 'none',
  premultiplyAlpha: 'none',
  imageOrientation: 'from-image',
};

/** An image that `postMessage` can send to the worker. */
export interface SendableImage {
  readonly image: SentImage;
  /** Buffers to transfer. They are copies, so the caller can still use the source. */
  readonly transfer: readonly Transferable[];
  /** The image's URL or the name of its file. */
  readonly file?: string | undefined;
}

/** @param signal aborts downloads. */
export async function sentImage(source: ImageSource, signal?: AbortSignal): Promise<SendableImage> {
  const asFile = (blob: Blob, file?: string): SendableImage => ({
    image: { kind: 'file', blob },
    transfer: [],
    file,
  });
  if (typeof source === 'string' || source instanceof URL) {
    const { href } = new URL(source, globalThis.document?.baseURI ?? globalThis.location.href);
    return asFile(await download(href, signal), href);
  }
  if (is(source, 'Blob')) return asFile(source as Blob, (source as Partial<File>).name);
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) {
    return asFile(new Blob([source as Uint8Array<ArrayBuffer> | ArrayBuffer]));
  }
  if (is(source, 'ReadableStream')) return asFile(await new Response(source as ReadableStream).blob());
  if (Symbol.asyncIterator in source) {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for await (const part of source as AsyncIterable<Uint8Array<ArrayBuffer>>) parts.push(part);
    return asFile(new Blob(parts));
  }
  if (is(source, 'ImageData')) {
    const { width, height, data } = source as ImageData;
    const copy = new Uint8ClampedArray(data);
    return { image: { kind: 'rgba', width, height, data: copy }, transfer: [copy.buffer] };
  }
  if (DRAWABLE_TYPES.some((kind) => is(source, kind))) {
    const bitmap = await createImageBitmap(source as ImageBitmapSource, AS_STORED);
    return { image: { kind: 'bitmap', bitmap }, transfer: [bitmap] };
  }
  if (isRaster(source)) {
    const { width, height, channels } = source;
    const data = source.data.slice();
    return {
      image: { kind: 'raster', width, height, channels, data },
      transfer: [data.buffer as ArrayBuffer],
    };
  }
  throw new UsageError(
    'This image source is not supported. Pass a URL, the bytes of an image file (Blob, File, Uint8Array, ArrayBuffer or a ' +
      'stream), ImageData, ImageBitmap, canvas, <img>, <video>, VideoFrame, or { width, height, channels, data }.',
  );
}

async function download(address: string, signal: AbortSignal | undefined): Promise<Blob> {
  const failed = (why: string, options?: ErrorOptions) =>
    new PixelwiseError('image-unreadable', `${address}: ${why}. Check the URL.`, options);
  let response: Response;
  try {
    response = await fetch(address, { signal: signal ?? null });
  } catch (cause) {
    signal?.throwIfAborted();
    throw failed('it cannot be fetched', { cause });
  }
  if (!response.ok) throw failed(`the server answered ${response.status}`);
  return response.blob();
}

const DRAWABLE_TYPES = [
  'ImageBitmap',
  'HTMLCanvasElement',
  'OffscreenCanvas',
  'HTMLImageElement',
  'HTMLVideoElement',
  'VideoFrame',
];

/** Like `instanceof`, but works if the browser lacks the class or the value comes from another frame. */
function is(value: unknown, name: string): boolean {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return tag === name || (name === 'Blob' && tag === 'File');
}

function isRaster(value: unknown): value is Raster {
  const { width, height, channels, data } = value as Partial<Raster>;
  return (
    typeof width === 'number' &&
    typeof height === 'number' &&
    typeof channels === 'number' &&
    (data instanceof Uint8Array || data instanceof Uint16Array || data instanceof Float32Array)
  );
}
