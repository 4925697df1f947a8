/** Encodes images and masks and writes them to files, atomically. */
import { extname } from 'node:path';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { CLASS_PALETTE } from './palette.js';
import { encodeIndexedPng } from './png-write.js';
import type { ClassMask, Raster } from './raster.js';
import { loadSharp } from './sharp.js';
import { writeOutputFile } from '../files/index.js';

export interface MaskEncoding {
  /** `palette` (default): palette PNG, which viewers show in class colours. `grey`: 8-bit grey. */
  readonly as?: 'palette' | 'grey';
  /** RGB triples by class; default {@link CLASS_PALETTE}. */
  readonly palette?: Uint8Array;
}

/** Encodes a mask as a PNG whose stored values are the class indices. */
export async function encodeMask(mask: ClassMask, encoding: MaskEncoding = {}): Promise<Uint8Array> {
  const { width, height, data } = mask;
  const palette = encoding.as === 'grey' ? undefined : (encoding.palette ?? CLASS_PALETTE);
  return encodeIndexedPng({ width, height, data, palette });
}

/** Writes {@link encodeMask} to a `.png` file. */
export async function writeMask(path: string, mask: ClassMask, encoding: MaskEncoding = {}): Promise<void> {
  if (extname(path).toLowerCase() !== '.png') {
    throw new UsageError(`${path}: masks are written as PNG, which is lossless. Name the file .png.`);
  }
  await writeOutputFile(path, await encodeMask(mask, encoding));
}

/** Encodes an image of 1 (grey) or 3 (RGB) channels as PNG, or as JPEG at quality 90 (8 bits only). */
export async function encodeImage(image: Raster, format: 'png' | 'jpeg' = 'png'): Promise<Uint8Array> {
  const { width, height, channels, data } = image;
  const wide = data instanceof Uint16Array;
  if ((channels !== 1 && channels !== 3) || (wide && format === 'jpeg')) {
    throw new PixelwiseError(
      'image-encode',
      `An image of ${channels} channels and ${wide ? 16 : 8} bits cannot be written as ${format.toUpperCase()}. ` +
        'PNG supports 1 or 3 channels of 8 or 16 bits, JPEG 1 or 3 of 8 bits.',
    );
  }
  const sharp = await loadSharp();
  const pipeline = sharp(data, { raw: { width, height, channels } });
  if (format === 'jpeg') return pipeline.jpeg({ quality: 90, chromaSubsampling: '4:4:4' }).toBuffer();
  return pipeline
    .toColourspace(channels === 1 ? (wide ? 'grey16' : 'b-w') : wide ? 'rgb16' : 'srgb')
    .png({ compressionLevel: 6 })
    .toBuffer();
}

/** Writes an image in the format of the file's extension: `.png`, `.jpg` or `.jpeg`. */
export async function writeImage(path: string, image: Raster): Promise<void> {
  const ending = extname(path).toLowerCase();
  if (ending !== '.png' && ending !== '.jpg' && ending !== '.jpeg') {
    throw new UsageError(`${path}: images are written as .png, .jpg or .jpeg.`);
  }
  await writeOutputFile(path, await encodeImage(image, ending === '.png' ? 'png' : 'jpeg'));
}
