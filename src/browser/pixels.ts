/** Decodes an image in the worker to pixels with the model's number of channels. */
import { PixelwiseError } from '../errors/index.js';
import type { Raster } from '../images/raster.js';
import type { SentImage } from './messages.js';
import { AS_STORED } from './sources.js';

/**
 * Decodes an image.
 * @param luminance converts colours to one channel.
 * @throws PixelwiseError `image-damaged` if a file cannot be decoded, `image-too-large` if the browser cannot
 *   make a canvas of that size.
 */
export async function pixelsOf(sent: SentImage, luminance: boolean, name: string): Promise<Raster> {
  if (sent.kind === 'raster') return sent;
  const { width, height, data } =
    sent.kind === 'rgba' ? sent : await drawBitmap(await bitmapOf(sent, name), name);
  return luminance ? luminanceOf(data, width, height) : coloursOf(data, width, height);
}

async function bitmapOf(
  sent: Extract<SentImage, { kind: 'file' | 'bitmap' }>,
  name: string,
): Promise<ImageBitmap> {
  if (sent.kind === 'bitmap') return sent.bitmap;
  try {
    return await createImageBitmap(sent.blob, AS_STORED);
  } catch (cause) {
    throw new PixelwiseError(
      'image-damaged',
      `${name}: this browser cannot decode it (${sent.blob.size.toLocaleString('en')} bytes` +
        `${sent.blob.type && `, ${sent.blob.type}`}). It is damaged, or browsers do not read its format: ` +
        'save it as PNG, JPEG or WebP.',
      { cause },
    );
  }
}

function drawBitmap(bitmap: ImageBitmap, name: string): ImageData {
  const { width, height } = bitmap;
  try {
    // `willReadFrequently` keeps the canvas in main memory. Reading back from the GPU is slow and may not be
    // exact.
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    if (context === null) throw new Error('no canvas');
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, width, height);
  } catch (cause) {
    throw new PixelwiseError(
      'image-too-large',
      `${name}: ${width}×${height} pixels are more than this browser can hold. Cut the image into parts or shrink it.`,
      { cause },
    );
  } finally {
    bitmap.close();
  }
}

/** RGBA to RGB. Alpha is ignored, as everywhere in Pixelwise. */
export function coloursOf(rgba: Uint8ClampedArray, width: number, height: number): Raster {
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = rgba[from]!;
    data[to + 1] = rgba[from + 1]!;
    data[to + 2] = rgba[from + 2]!;
  }
  return { width, height, channels: 3, data };
}

/** RGBA to luminance: ITU-R BT.601 in 16-bit fixed point as in PIL, which keeps greys exactly unchanged. */
export function luminanceOf(rgba: Uint8ClampedArray, width: number, height: number): Raster {
  const data = new Uint8Array(width * height);
  for (let from = 0, to = 0; to < data.length; from += 4, to++) {
    data[to] = (rgba[from]! * 19595 + rgba[from + 1]! * 38470 + rgba[from + 2]! * 7471 + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data };
}
