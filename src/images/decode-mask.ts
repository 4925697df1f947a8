/**
 * Files to stored values, for masks: what a labelling tool wrote, before anything decides which value is
 * which class. Palette indices survive here; colours would lose them.
 */
import { PixelwiseError } from '../errors/index.js';
import { decodeBmp } from './bmp.js';
import { decodeWithSharp } from './decode.js';
import { readGif } from './gif-read.js';
import { type ImageFormat, readImage } from './image-source.js';
import { type IndexedRaster, isGreyPalette } from './indexed.js';
import { readPng } from './png-read.js';
import type { Raster } from './raster.js';

/** A mask's values as stored (H×W). */
export interface RawMask extends IndexedRaster {
  readonly format: ImageFormat;
}

/**
 * Decodes a mask file to one value a pixel:
 *
 * - PNG with a palette, of 1, 2, 4 or 8 bits: the indices (also where the palette is all greys; PNG has a
 *   grey type of its own, so a palette was meant).
 * - PNG in grey, of 1, 2, 4, 8 or 16 bits: the values as stored, not stretched to 0…255.
 * - GIF and BMP: the indices where the palette has a colour; where it is all greys, the grey levels (these
 *   formats have no other way to say grey, so a black and white mask reads 0 and 255). A GIF's first frame.
 * - TIFF, WebP, JPEG: grey levels, 8 or 16 bits; 1-bit TIFF reads 0 and 255.
 * - RGB files of any kind whose three channels are equal: that grey level. Alpha is dropped.
 *
 * Throws PixelwiseError naming the file: `mask-colours` where the channels differ, else as `decodeImage`.
 */
export async function decodeMask(source: string | Uint8Array): Promise<RawMask> {
  const image = await readImage(source);
  const { format, name } = image;
  if (format === 'png') {
    const { width, height, channels, data, palette } = await readPng(image);
    if (channels === 1) return { format, width, height, data, palette };
    return { format, ...greyOf(name, { width, height, channels, data }) };
  }
  if (format === 'gif') return { format, ...greysAsLevels(readGif(image)) };
  if (format === 'bmp') {
    const decoded = decodeBmp(image);
    return { format, ...('channels' in decoded ? greyOf(name, decoded) : greysAsLevels(decoded)) };
  }
  return { format, ...greyOf(name, await decodeWithSharp(image)) };
}

function greysAsLevels(image: IndexedRaster): IndexedRaster {
  const { width, height, data, palette } = image;
  if (palette === undefined || !isGreyPalette(palette)) return image;
  const levels = new Uint8Array(256);
  for (let i = 0; i * 3 < palette.length; i++) levels[i] = palette[i * 3]!;
  const grey = new Uint8Array(data.length);
  for (let i = 0; i < grey.length; i++) grey[i] = levels[data[i]!]!;
  return { width, height, data: grey };
}

/** The one channel of a grey picture stored with 2 (grey, alpha), 3 (RGB) or 4 (RGBA). */
function greyOf(name: string, image: Raster): IndexedRaster {
  const { width, height, channels, data } = image;
  if (channels === 1) return { width, height, data };
  const grey = data instanceof Uint16Array ? new Uint16Array(width * height) : new Uint8Array(width * height);
  for (let i = 0, from = 0; i < grey.length; i++, from += channels) {
    const value = data[from]!;
    if (channels > 2 && (data[from + 1] !== value || data[from + 2] !== value)) {
      const x = i % width;
      const y = Math.floor(i / width);
      throw new PixelwiseError(
        'mask-colours',
        `${name}: a mask in colour (at ${x},${y} it is ${value}, ${data[from + 1]}, ${data[from + 2]}). A mask holds ` +
          'one class index a pixel: save it as an 8-bit grey PNG or as a PNG with a palette, 0 for the first class, ' +
          '1 for the second, and so on.',
      );
    }
    grey[i] = value;
  }
  return { width, height, data: grey };
}
