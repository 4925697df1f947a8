/** Pictures of samples in a report: downscaled images, and masks as transparent layers over them. */
import { loadSharp } from '../images/sharp.js';
import { type DisplayRange, toDisplay } from '../images/paint-mask.js';
import type { Colour } from '../images/palette.js';
import { encodeIndexedPng } from '../images/png-write.js';
import { type ClassMask, IGNORE_INDEX, type Raster } from '../images/raster.js';
import { resizeImage } from '../images/resize.js';

export interface ViewSize {
  readonly width: number;
  readonly height: number;
}

/** Size of an image in the report: downscaled so that the longer side is at most `side`. */
export function viewSize({ width, height }: ViewSize, side: number): ViewSize {
  const scale = Math.min(1, side / Math.max(width, height));
  const shown = (length: number) => Math.max(1, Math.round(length * scale));
  return { width: shown(width), height: shown(height) };
}

/**
 * Converts an image to 8-bit RGB at its size in the report.
 * @param range as in `toDisplay`.
 */
export function viewOfImage(image: Raster, { width, height }: ViewSize, range?: DisplayRange): Raster {
  const whole: Raster = {
    width: image.width,
    height: image.height,
    channels: 3,
    data: toDisplay(image, range),
  };
  if (image.width === width && image.height === height) return whole;
  const planes = resizeImage(whole, width, height);
  const plane = width * height;
  const data = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) data[3 * i + c] = Math.round(planes.data[c * plane + i]!);
  }
  return { width, height, channels: 3, data };
}

/** Encodes an 8-bit RGB image as WebP. */
export async function encodeWebp({ width, height, data }: Raster, quality = 82): Promise<Uint8Array> {
  const sharp = await loadSharp();
  return sharp(data, { raw: { width, height, channels: 3 } })
    .webp({ quality })
    .toBuffer();
}

/**
 * Encodes a mask as an indexed PNG with class colours. Pixels of the class `clear` (null for none) and ignored
 * pixels are transparent. Stored values are class indices; ignored pixels have the index after the last class.
 */
export async function encodeMaskLayer(
  mask: ClassMask,
  colours: readonly Colour[],
  clear: number | null,
): Promise<Uint8Array> {
  const { width, height, data } = mask;
  const ignored = colours.length;
  return encodeIndexedPng(
    {
      width,
      height,
      data: data.map((value) => (value === IGNORE_INDEX ? ignored : value)),
      palette: Uint8Array.from([...colours, [0, 0, 0]].flat()),
    },
    { transparent: clear === null ? [ignored] : [clear, ignored] },
  );
}
