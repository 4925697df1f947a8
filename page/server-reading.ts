/** Files that the browser cannot read, such as TIFFs: the server of the page reads and segments them. */
import type { Mask } from './painting.js';

/** An image as it is displayed, and its mask. */
export interface ServerReading {
  readonly bitmap: ImageBitmap;
  readonly mask: Mask;
  readonly seconds: number;
}

/**
 * @param palette the colour of each mask value, by which the mask is read.
 * @throws Error with the server's message if it cannot read the file either.
 */
export async function readOnServer(
  file: Blob,
  palette: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<ServerReading> {
  const started = performance.now();
  const [bitmap, coloured, grey] = await Promise.all([
    post(file, 'image', signal),
    post(file, 'png', signal),
    post(file, 'confidence', signal),
  ]);
  const seconds = (performance.now() - started) / 1000;
  const { width, height } = coloured;
  const values = new Map(palette.map(([red = 0, green = 0, blue = 0], k) => [keyOf(red, green, blue), k]));
  const colours = pixelsOf(coloured);
  const greys = pixelsOf(grey);
  const mask = new Uint8Array(width * height);
  const confidence = new Float32Array(width * height);
  for (let i = 0; i < mask.length; i++) {
    mask[i] = values.get(keyOf(colours[4 * i]!, colours[4 * i + 1]!, colours[4 * i + 2]!)) ?? 0;
    confidence[i] = greys[4 * i]! / 255;
  }
  return { bitmap, mask: { width, height, mask, confidence }, seconds };
}

/** The bytes of an image, four a pixel. It is closed. */
function pixelsOf(bitmap: ImageBitmap): Uint8ClampedArray {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
}

const keyOf = (red: number, green: number, blue: number) => (red << 16) | (green << 8) | blue;

async function post(file: Blob, format: string, signal: AbortSignal): Promise<ImageBitmap> {
  const headers = { 'content-type': 'application/octet-stream' };
  const answer = await fetch(`segment?format=${format}`, { method: 'POST', body: file, headers, signal });
  if (!answer.ok) {
    const { error } = (await answer.json()) as { error: { message: string } };
    throw new Error(error.message);
  }
  const stored = { colorSpaceConversion: 'none', premultiplyAlpha: 'none' } as const;
  return createImageBitmap(await answer.blob(), stored);
}
