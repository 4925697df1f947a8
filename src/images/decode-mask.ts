/**
 * Decodes mask files to the stored values, before these are mapped to classes. Unlike `decodeImage`, it keeps
 * palette indices.
 */
import { PixelwiseError } from '../errors/index.js';
import { decodeBmp } from './bmp.js';
import { decodeShared } from './decode-cache.js';
import { decodeWithSharp, openTiff } from './decode.js';
import { readGif } from './gif-read.js';
import { type ImageFormat, readImage } from './image-source.js';
import { type IndexedRaster, isGreyPalette } from './indexed.js';
import { readPng } from './png-read.js';
import { decodePnm } from './pnm.js';
import type { PixelValues, Raster } from './raster.js';
import { hasAlpha, type PageChoice, type TiffImage } from './tiff/image.js';
import { WHITE_IS_ZERO } from './tiff/directory.js';

/** A mask's values as stored (H×W). */
export interface RawMask extends IndexedRaster {
  readonly format: ImageFormat;
}

/** The content of a mask file: values or colours, palette and alpha. */
export interface StoredMask {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
  /** 1: one value per pixel; 3: a colour per pixel (H×W×3). */
  readonly channels: 1 | 3;
  readonly data: Uint8Array | Uint16Array;
  /**
   * The stored numbers, if they do not fit into 16 bits; `data` then has their ranks among those of this file. Such
   * numbers can only be those of objects.
   */
  readonly numbers?: Uint32Array | undefined;
  /** RGB triples by value, for files that store indices. */
  readonly palette?: Uint8Array | undefined;
  /** Alpha, H×W, if the file has an alpha channel; 255 is opaque. */
  readonly alpha?: Uint8Array | undefined;
  /** Whether the compression changes values (JPEG, lossy WebP). */
  readonly lossy: boolean;
  /** Whether a TIFF displays 0 as white. Values are as stored, not inverted. */
  readonly whiteIsZero: boolean;
}

export interface MaskDecodeOptions {
  /** Page of a multi-page TIFF; default the first. */
  readonly page?: PageChoice | undefined;
}

/**
 * Decodes a mask file to one value per pixel:
 *
 * - PNG with a palette, of 1, 2, 4 or 8 bits, and palette TIFF: the indices, even if the palette is all greys
 *   (these formats also have a grey type, so the palette is intended).
 * - PNG in grey, of 1, 2, 4, 8 or 16 bits, and TIFF: the values as stored, not scaled to 0…255 and not inverted
 *   for white-is-zero; 1-bit TIFF gives 0 and 255.
 * - GIF (first frame) and BMP: the indices if the palette has any colour, or the grey levels if it is all greys.
 *   These formats have no grey type, so a black-and-white mask gives 0 and 255.
 * - WebP, JPEG, PGM: grey levels.
 * - RGB files of any format with three equal channels: the grey level. Alpha is ignored.
 *
 * @throws PixelwiseError `mask-colours` if the channels differ; else as `decodeImage`.
 */
export async function decodeMask(source: string | Uint8Array): Promise<RawMask> {
  const stored = await decodeStoredMask(source);
  const { format, width, height, palette } = stored;
  if (stored.channels === 1) return { format, width, height, data: stored.data, palette };
  const name = typeof source === 'string' ? source : 'image in memory';
  const [i, red, green, blue] = firstColour(stored)!;
  throw new PixelwiseError(
    'mask-colours',
    `${name}: the mask is in colour (pixel ${i % width},${Math.floor(i / width)} is ${red}, ${green}, ${blue}). A mask has ` +
      'one class index per pixel: save it as an 8-bit grey PNG or as a PNG with a palette, 0 for the first class, ' +
      '1 for the second, and so on.',
  );
}

/** As {@link decodeMask}, with colours and alpha kept. Files with equal channels give one channel. */
export function decodeStoredMask(
  source: string | Uint8Array,
  options: MaskDecodeOptions = {},
): Promise<StoredMask> {
  return decodeShared(source, 'mask', options, () => decode(source, options));
}

async function decode(source: string | Uint8Array, { page }: MaskDecodeOptions): Promise<StoredMask> {
  const image = await readImage(source);
  const { format, bytes } = image;
  const plain = { format, lossy: false, whiteIsZero: false };
  if (format === 'png') {
    const { channels, palette, ...samples } = await readPng(image);
    return channels === 1
      ? { ...plain, ...samples, channels, palette }
      : { ...plain, ...coloursOf({ ...samples, channels }) };
  }
  if (format === 'gif') return { ...plain, channels: 1, ...greyPaletteToLevels(readGif(image)) };
  if (format === 'bmp') {
    const decoded = decodeBmp(image);
    return 'channels' in decoded
      ? { ...plain, ...coloursOf(decoded) }
      : { ...plain, channels: 1, ...greyPaletteToLevels(decoded) };
  }
  if (format === 'pnm') return { ...plain, ...coloursOf(decodePnm(image)) };
  if (format === 'tiff') {
    const tiff = await openTiff(image, page);
    if (!tiff.isLeftToVips) return { ...plain, ...(await storedTiff(tiff)) };
    const lossy = tiff.page.compression === JPEG_IN_TIFF;
    return { ...plain, lossy, ...coloursOf(await decodeWithSharp(image)) };
  }
  const lossy = format === 'jpeg' || format === 'avif' || isLossyWebp(bytes);
  const decoded = await decodeWithSharp(image, format === 'webp' ? 4 : undefined);
  return { ...plain, lossy, ...coloursOf(decoded, lossy ? LOSSY_GREY : 0) };
}

const JPEG_IN_TIFF = 7;

/** Maximum difference between the channels of a grey picture that was saved as colour with a lossy codec. */
const LOSSY_GREY = 16;

/** WebP's lossy bitstream is the chunk `VP8 `, the lossless one `VP8L`. */
function isLossyWebp(bytes: Uint8Array): boolean {
  let at = 12;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  while (at + 8 <= bytes.length) {
    const chunk = String.fromCharCode(...bytes.subarray(at, at + 4));
    if (chunk === 'VP8 ') return true;
    if (chunk === 'VP8L') return false;
    const length = view.getUint32(at + 4, true);
    at += 8 + length + (length & 1);
  }
  return false;
}

async function storedTiff(tiff: TiffImage): Promise<Omit<StoredMask, 'format' | 'lossy'>> {
  const { page, file } = tiff;
  const whiteIsZero = page.photometric === WHITE_IS_ZERO;
  const { width, height, channels, data } = await tiff.stored();
  const palette = page.palette;
  if (palette !== undefined && channels === 1 && data instanceof Uint8Array) {
    return { width, height, channels: 1, data, palette, whiteIsZero };
  }
  const isPlain = data instanceof Uint8Array || data instanceof Uint16Array;
  if (!isPlain && channels === 1 && areLargeNumbers(data)) {
    return { width, height, channels: 1, ...rankedNumbers(data, file.name), whiteIsZero };
  }
  const values = isPlain
    ? page.bits === 1
      ? data.map((bit) => 255 * bit)
      : data
    : asLabels(data, file.name);
  const alphaDropped = channels === 2 && !hasAlpha(page) ? 1 : channels;
  if (alphaDropped > 4) {
    throw new PixelwiseError(
      'mask-channels',
      `${file.name}: the mask has ${channels} channels. A mask has one class index per pixel: save it with one channel.`,
    );
  }
  return { ...coloursOf({ width, height, channels, data: values }), whiteIsZero };
}

/** Converts signed, 32-bit and floating-point samples to labels. Probabilities in 0…1 are scaled to 0…255. */
function asLabels(data: ArrayLike<number>, name: string): Uint8Array | Uint16Array {
  let low = Infinity;
  let high = -Infinity;
  let whole = true;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
    if (!Number.isInteger(value)) whole = false;
  }
  if (whole && low >= -1 && high <= 65535) {
    const labels = high > 255 ? new Uint16Array(data.length) : new Uint8Array(data.length);
    // In signed labels, −1 means "ignored".
    for (let i = 0; i < labels.length; i++) labels[i] = data[i] === -1 ? 255 : data[i]!;
    return labels;
  }
  if (low >= 0 && high <= 1) {
    const levels = new Uint8Array(data.length);
    for (let i = 0; i < levels.length; i++) levels[i] = Math.round(255 * data[i]!);
    return levels;
  }
  throw new PixelwiseError(
    'mask-values',
    `${name}: its values are from ${low} to ${high}${whole ? '' : ' with fractions'}; a mask must have whole numbers from 0 to ` +
      '65,535 (−1 for ignored pixels), or probabilities from 0 to 1. Save class indices.',
  );
}

/** Whether these are whole numbers that fit into 32 bits but not into 16. */
function areLargeNumbers(data: ArrayLike<number>): boolean {
  let large = false;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (!(value >= 0 && value < 2 ** 32 && Number.isInteger(value))) return false;
    if (value > 65535) large = true;
  }
  return large;
}

/** The numbers, and the rank of each: 0 stays 0. */
function rankedNumbers(
  data: ArrayLike<number>,
  name: string,
): { readonly data: Uint16Array; readonly numbers: Uint32Array } {
  const numbers = Uint32Array.from(data);
  const known = [...new Set(numbers)].filter((number) => number > 0).sort((a, b) => a - b);
  if (known.length > 65535) {
    throw new PixelwiseError(
      'mask-values',
      `${name}: ${known.length} different numbers; a mask may have 65,535 objects. Cut the image into smaller ones.`,
    );
  }
  const ranks = new Map(known.map((number, i) => [number, i + 1]));
  return { numbers, data: Uint16Array.from(numbers, (number) => ranks.get(number) ?? 0) };
}

function greyPaletteToLevels(image: IndexedRaster): IndexedRaster {
  const { width, height, data, palette } = image;
  if (palette === undefined || !isGreyPalette(palette)) return image;
  const levels = new Uint8Array(256);
  for (let i = 0; i * 3 < palette.length; i++) levels[i] = palette[i * 3]!;
  const grey = new Uint8Array(data.length);
  for (let i = 0; i < grey.length; i++) grey[i] = levels[data[i]!]!;
  return { width, height, data: grey };
}

/**
 * Splits a picture of 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels into values and alpha. If the
 * colour channels differ by at most `tolerance` everywhere, the result is grey.
 */
function coloursOf(
  image: Raster,
  tolerance = 0,
): Pick<StoredMask, 'width' | 'height' | 'channels' | 'data' | 'alpha' | 'whiteIsZero'> {
  const { width, height, channels } = image;
  const data = asIntegers(image.data);
  const pixels = width * height;
  const shared = { width, height, whiteIsZero: false };
  if (channels === 1) return { ...shared, channels: 1, data };
  const toByte = data instanceof Uint16Array ? 257 : 1;
  const alpha = channels % 2 === 0 ? new Uint8Array(pixels) : undefined;
  if (alpha) for (let i = 0; i < pixels; i++) alpha[i] = data[(i + 1) * channels - 1]! / toByte;
  let isGrey = true;
  for (let i = 0, at = 0; channels > 2 && isGrey && i < pixels; i++, at += channels) {
    const [red, green, blue] = [data[at]!, data[at + 1]!, data[at + 2]!];
    isGrey = Math.max(red, green, blue) - Math.min(red, green, blue) <= tolerance;
  }
  if (isGrey) {
    const green = channels > 2 ? 1 : 0;
    const grey = data.slice(0, pixels);
    for (let i = 0; i < pixels; i++) grey[i] = data[i * channels + green]!;
    return { ...shared, channels: 1, data: grey, alpha };
  }
  if (channels === 3) return { ...shared, channels, data };
  const colours = data.slice(0, 3 * pixels);
  for (let i = 0, to = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) colours[to++] = data[i * channels + c]!;
  }
  return { ...shared, channels: 3, data: colours, alpha };
}

function asIntegers(data: PixelValues): Uint8Array | Uint16Array {
  if (data instanceof Float32Array) throw new Error('masks are decoded to whole numbers');
  return data;
}

/** The first pixel whose channels differ, with its colour. */
function firstColour({ data, channels }: StoredMask): [number, number, number, number] | undefined {
  for (let i = 0, at = 0; at < data.length; i++, at += channels) {
    const [red, green, blue] = [data[at]!, data[at + 1]!, data[at + 2]!];
    if (red !== green || red !== blue) return [i, red, green, blue];
  }
  return undefined;
}
