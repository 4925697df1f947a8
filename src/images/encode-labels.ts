/** Writes label images: a number for each object. */
import { extname } from 'node:path';
import { UsageError } from '../errors/index.js';
import { writeOutputFile } from '../files/index.js';
import type { PixelSize } from '../objects/index.js';
import { encodeIndexedPng } from './png-write.js';
import { encodeLabelTiff } from './tiff/write.js';

/** Objects that fit into the 16 bits of a PNG. */
export const MOST_IN_16_BITS = 65_535;

/** Numbers of objects, H×W. */
interface Labels {
  readonly width: number;
  readonly height: number;
  readonly labels: Int32Array;
}

/**
 * Writes a `.png` of 16 bits, or a `.tif` that ImageJ opens with the size of its pixels: of 16 bits, or of 32-bit floating
 * point if there are more than 65,535 objects.
 *
 * @throws UsageError for another ending, or a PNG of more objects than fit.
 */
export async function writeLabels(
  path: string,
  { width, height, labels }: Labels,
  pixelSize?: PixelSize,
): Promise<void> {
  const most = labels.reduce((a, b) => Math.max(a, b), 0);
  const fits = most <= MOST_IN_16_BITS;
  const ending = extname(path).toLowerCase();
  if (ending === '.png' && fits) {
    const data = Uint16Array.from(labels);
    return writeOutputFile(path, await encodeIndexedPng({ width, height, data }));
  }
  if (ending === '.png') {
    throw new UsageError(
      `${path}: ${most} objects do not fit into the 16 bits of a PNG (${MOST_IN_16_BITS}). Write label images as TIFF.`,
    );
  }
  if (ending !== '.tif') throw new UsageError(`${path}: label images are written as .png or .tif.`);
  const data = fits ? Uint16Array.from(labels) : Float32Array.from(labels);
  return writeOutputFile(path, encodeLabelTiff({ width, height, channels: 1, data }, pixelSize));
}
