/** Files that the browser cannot read, such as TIFFs: the server of the page reads and segments them. */
import type { Mask } from './painting.js';

/** An image as it is displayed, and its mask. The server does not tell how sure the model is. */
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
  const [bitmap, coloured] = await Promise.all([post(file, 'image', signal), post(file, 'png', signal)]);
  const seconds = (performance.now() - started) / 1000;
  const { width, height } = coloured;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(coloured, 0, 0);
  coloured.close();
  const { data } = context.getImageData(0, 0, width, height);
  const values = new Map(palette.map(([red = 0, green = 0, blue = 0], k) => [keyOf(red, green, blue), k]));
  const mask = Uint8Array.from(
    { length: width * height },
    (_, i) => values.get(keyOf(data[4 * i]!, data[4 * i + 1]!, data[4 * i + 2]!)) ?? 0,
  );
  const confidence = new Float32Array(width * height).fill(1);
  return { bitmap, mask: { width, height, mask, confidence }, seconds };
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
