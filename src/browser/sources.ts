/** Converts the image sources of a page to values that can be sent to a worker. */
import { UsageError } from '../errors/index.js';
import type { Raster } from '../images/raster.js';
import type { SentImage } from './messages.js';

/**
 * Any source of pixels: a file or other blob, ImageData, ImageBitmap, a canvas, an `<img>`, a `<video>` (its
 * current frame), a VideoFrame, or raw pixels.
 */
export type ImageSource =
  | Blob
  | ImageData
  | ImageBitmap
  | HTMLCanvasElement
  | OffscreenCanvas
  | HTMLImageElement
  | HTMLVideoElement
  | VideoFrame
  | Raster;

/** Decodes files as in Node: EXIF orientation applied, no colour profile, no premultiplied alpha. */
export const AS_STORED: ImageBitmapOptions = {
  colorSpaceConversion: 'none',
  premultiplyAlpha: 'none',
  imageOrientation: 'from-image',
};

/** The message for an image and its transferable buffers, which are copies: the source stays usable. */
export async function sentImage(
  source: ImageSource,
): Promise<{ readonly image: SentImage; readonly transfer: readonly Transferable[] }> {
  if (is(source, 'Blob')) return { image: { kind: 'file', blob: source as Blob }, transfer: [] };
  if (is(source, 'ImageData')) {
    const { width, height, data } = source as ImageData;
    const copy = new Uint8ClampedArray(data);
    return { image: { kind: 'rgba', width, height, data: copy }, transfer: [copy.buffer] };
  }
  if (DRAWN.some((kind) => is(source, kind))) {
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
    'This image source is not supported. Pass a Blob, ImageData, ImageBitmap, canvas, <img>, <video>, VideoFrame, ' +
      'or { width, height, channels, data }.',
  );
}

const DRAWN = [
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
