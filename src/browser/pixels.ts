/** Decodes an image in the worker to pixels with the model's number of channels. */
import { PixelwiseError } from '../errors/index.js';
import { coloursOf } from '../images/rgba.js';
import type { Raster } from '../images/raster.js';
import type { SentImage } from './messages.js';
import { AS_STORED } from './sources.js';

/**
 * Decodes an image to three channels, or to four for models of four; pixels stay as they are.
 *
 * @throws PixelwiseError `image-damaged` if a file cannot be decoded, `image-too-large` if the browser cannot
 *   make a canvas of that size.
 */
export async function pixelsOf(sent: SentImage, channels: number, name: string): Promise<Raster> {
  if (sent.kind === 'raster') return sent;
  const rgba = sent.kind === 'rgba' ? sent : drawBitmap(await bitmapOf(sent, name), name);
  const { width, height, data } = rgba;
  return channels === 4 ? { width, height, channels, data: new Uint8Array(data) } : coloursOf(rgba);
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
