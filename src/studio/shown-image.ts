/** Images as the page shows them: the file itself where browsers can, else a picture made of it (picture-converter.ts). */
import { readFile } from 'node:fs/promises';
import type { Sharp } from 'sharp';
import { detectFormat } from '../images/image-source.js';
import { inTiff } from '../images/pixel-file.js';
import { loadSharp } from '../images/sharp.js';
import { BLACK_IS_ZERO, RGB } from '../images/tiff/directory.js';
import { readHead, shownSize } from './image-size.js';

export interface ShownImage {
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The values shown as black and as white, where they can be chosen: for more than 8 bits. */
  readonly window?: { readonly low: number; readonly high: number };
}

/** The values to show as black and white; default: chosen from the image. */
export interface WindowLevel {
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

/** Formats that browsers show as they are, by their first bytes. */
const NATIVE: Readonly<Record<string, string>> = {
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
};

/** Quality of JPEGs of reduced images, which are shown for a moment. */
const REDUCED_QUALITY = 85;

/**
 * The picture of an image that browsers show as it is: the file, or a JPEG of 2^−level of its size. Undefined for other
 * images, except reduced ones that libvips decodes as `decodeImage` does, in a third of the time. Throws PixelwiseError
 * `image-unreadable`.
 */
export async function nativePicture(file: string, level: number): Promise<ShownImage | undefined> {
  const head = await readHead(file);
  const format = detectFormat(head);
  const eightBit = format === 'png' && (head[24] ?? 16) <= 8;
  const type = eightBit ? 'image/png' : NATIVE[format ?? ''];
  if (type === undefined && !(level > 0 && format === 'tiff' && (await isPlainTiff(file)))) return undefined;
  // JPEGs of CMYK are converted as for learning.
  if (level === 0) return { type: type!, bytes: asView(await readFile(file)) };
  const { width, height } = await shownSize(file);
  const sharp = await loadSharp();
  const picture = sharp(file, { ignoreIcc: true, limitInputPixels: false }).autoOrient();
  return { type: 'image/jpeg', bytes: asView(await reduced(picture, width, height, level)) };
}

/** Whether a TIFF is a single page of 8 bits, grey or RGB. */
async function isPlainTiff(file: string): Promise<boolean> {
  const plain = await inTiff(file, ({ file: { pages }, page }) => {
    const { bits, format, photometric, samples } = page;
    const known = (photometric === BLACK_IS_ZERO && samples === 1) || (photometric === RGB && samples === 3);
    return pages.length === 1 && bits === 8 && format === 'uint' && known;
  });
  return plain === true;
}

/** A JPEG of 2^−level of the size, rounded up. */
export function reduced(picture: Sharp, width: number, height: number, level: number): Promise<Buffer> {
  const part = (length: number) => Math.ceil(length / 2 ** level);
  return picture
    .resize(part(width), part(height), { fit: 'fill' })
    .jpeg({ quality: REDUCED_QUALITY })
    .toBuffer();
}

export const asView = ({ buffer, byteOffset, length }: Buffer): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
