/** Images as the page shows them: the file itself where browsers can, else a picture made of it. */
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { Sharp } from 'sharp';
import { decodeImage } from '../images/decode.js';
import { detectFormat } from '../images/image-source.js';
import { maxValueOf, type Raster } from '../images/raster.js';
import { loadSharp } from '../images/sharp.js';
import { shownSize } from './image-size.js';

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

/** Share of the pixels that may be darker than black, and brighter than white. */
const CUT_OFF = 0.001;
/** Values that the choice of black and white looks at. */
const LOOKED_AT = 200_000;

/** Quality of JPEGs of reduced images, which are shown for a moment. */
const REDUCED_QUALITY = 85;

/**
 * @param level above 0: a JPEG of 2^−level of the size, rounded up, which takes a fraction of the time for large images.
 *
 * Throws as `decodeImage`.
 */
export async function shownImage(file: string, window: WindowLevel, level = 0): Promise<ShownImage> {
  const bytes = await readFile(file);
  const format = detectFormat(bytes);
  const eightBit = format === 'png' && (bytes[24] ?? 16) <= 8;
  const type = eightBit ? 'image/png' : NATIVE[format ?? ''];
  // JPEGs of CMYK are converted as for learning.
  if (type !== undefined && level === 0) return { type, bytes: asView(bytes) };
  if (type !== undefined) {
    const { width, height } = await shownSize(file);
    const sharp = await loadSharp();
    const picture = sharp(bytes, { ignoreIcc: true, limitInputPixels: false }).autoOrient();
    return { type: 'image/jpeg', bytes: asView(await reduced(picture, width, height, level)) };
  }
  const raster = await decodeImage(file);
  const chosen = maxValueOf(raster.data) === 255 ? undefined : { ...windowOf(raster), ...given(window) };
  const picture = await eightBits(raster, chosen);
  const { width, height } = raster;
  const encoded = await (level > 0
    ? reduced(picture, width, height, level)
    : picture.png({ compressionLevel: 1 }).toBuffer());
  return {
    type: level > 0 ? 'image/jpeg' : 'image/png',
    bytes: asView(encoded),
    ...(chosen && { window: chosen }),
  };
}

function reduced(picture: Sharp, width: number, height: number, level: number): Promise<Buffer> {
  const part = (length: number) => Math.ceil(length / 2 ** level);
  return picture
    .resize(part(width), part(height), { fit: 'fill' })
    .jpeg({ quality: REDUCED_QUALITY })
    .toBuffer();
}

const asView = ({ buffer, byteOffset, length }: Buffer): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, length);

function given({ low, high }: WindowLevel) {
  return { ...(low !== undefined && { low }), ...(high !== undefined && { high }) };
}

/** The range of the values without the darkest and the brightest thousandth. */
function windowOf({ data }: Raster): { low: number; high: number } {
  const step = Math.max(1, Math.floor(data.length / LOOKED_AT));
  const values = new Float32Array(Math.ceil(data.length / step));
  for (let i = 0, k = 0; i < data.length; i += step) values[k++] = data[i]!;
  values.sort();
  const at = (share: number) => values[Math.round(share * (values.length - 1))]!;
  const [low, high] = [at(CUT_OFF), at(1 - CUT_OFF)];
  return { low, high: high > low ? high : low + 1 };
}

/** Values that are converted at once: the server answers others in between. */
const SLICE = 2 ** 20;

/** The picture of an image in 8 bits, grey or in colours. */
async function eightBits(
  { width, height, channels, data }: Raster,
  window: { readonly low: number; readonly high: number } | undefined,
): Promise<Sharp> {
  const shown = channels === 3 ? 3 : 1;
  let bytes: Uint8Array;
  if (window === undefined && channels === shown) {
    bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  } else {
    bytes = new Uint8Array(width * height * shown);
    const { low, high } = window ?? { low: 0, high: 255 };
    const gain = 255 / (high - low || 1);
    for (let k = 0; k < bytes.length; k++) {
      if (k % SLICE === SLICE - 1) await setImmediate();
      // Of images with other bands, the first is shown.
      const i = shown === channels ? k : k * channels;
      const value = (data[i]! - low) * gain;
      bytes[k] = value < 0 ? 0 : value > 255 ? 255 : Math.round(value);
    }
  }
  const sharp = await loadSharp();
  return sharp(bytes, { raw: { width, height, channels: shown } });
}
