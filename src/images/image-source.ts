/**
 * Reads the bytes of an image and detects its format from the first bytes, not from the file's extension: the
 * original Oxford Pets has PNG and GIF files named `.jpg`.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isMainThread } from 'node:worker_threads';
import { PixelwiseError } from '../errors/index.js';

/** Maximum number of pixels in an image, checked before decoding (2²⁸: 16,384 × 16,384). */
export const MAX_PIXELS = 2 ** 28;

/** Maximum number of values (pixels × channels) in an image. */
const MAX_VALUES = 3 * MAX_PIXELS;

/** Supported formats, with names for messages and file extensions. */
const FORMATS = {
  png: { title: 'PNG', endings: ['png'] },
  jpeg: { title: 'JPEG', endings: ['jpg', 'jpeg', 'jpe', 'jfif', 'jif'] },
  tiff: { title: 'TIFF', endings: ['tif', 'tiff'] },
  webp: { title: 'WebP', endings: ['webp'] },
  gif: { title: 'GIF', endings: ['gif'] },
  bmp: { title: 'BMP', endings: ['bmp', 'dib'] },
  pnm: { title: 'PGM/PPM', endings: ['pgm', 'ppm', 'pnm', 'pbm'] },
} as const;

export type ImageFormat = keyof typeof FORMATS;

/** File extensions of images, in lower case without the dot; compared case-insensitively. */
export const IMAGE_ENDINGS: readonly string[] = Object.values(FORMATS).flatMap(({ endings }) => endings);

/** Whether a file name has a TIFF extension. */
export function isTiffName(name: string): boolean {
  return FORMATS.tiff.endings.some((ending) => name.toLowerCase().endsWith(`.${ending}`));
}

/** `PNG, JPEG, TIFF …`. */
export const IMAGE_FORMAT_NAMES: string = Object.values(FORMATS)
  .map(({ title }) => title)
  .join(', ');

export interface ImageBytes {
  /** The file's path, or `image in memory`. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly format: ImageFormat;
  /** Maximum number of pixels; default {@link MAX_PIXELS}. */
  readonly maxPixels?: number;
}

/** Image size and sample layout from a header. */
export interface ImageHeader {
  readonly width: number;
  readonly height: number;
  /** Samples per pixel in the file, including alpha and CMYK's K. */
  readonly channels: number;
  readonly bitDepth: number;
}

/**
 * Reads all bytes of `source` and detects its format.
 * @throws PixelwiseError `image-unreadable`, `image-empty` or `image-format`.
 */
export async function readImage(source: string | Uint8Array): Promise<ImageBytes> {
  const name = typeof source === 'string' ? source : 'image in memory';
  const bytes = typeof source === 'string' ? await readWhole(source) : source;
  return { name, bytes, format: formatOf(name, bytes) };
}

/**
 * Detects the format from the first bytes.
 * @throws PixelwiseError `image-empty` or `image-format`.
 */
export function formatOf(name: string, bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0) {
    throw new PixelwiseError(
      'image-empty',
      `${name}: the file is empty (0 bytes). Copy it again or remove it.`,
    );
  }
  const format = detectFormat(bytes);
  if (format === undefined) {
    throw new PixelwiseError(
      'image-format',
      `${name}: not a readable image (its first bytes are ${firstBytes(bytes)}). ` +
        `Supported are ${IMAGE_FORMAT_NAMES}; convert the file to one of them or remove it.`,
    );
  }
  return format;
}

async function readWhole(path: string): Promise<Uint8Array> {
  try {
    // `readFile` makes four trips through the thread pool. A worker thread may block, so it reads synchronously.
    return isMainThread ? await readFile(path) : readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** The error for a file that cannot be read. */
export function unreadable(path: string, cause: unknown): PixelwiseError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const why =
    code === 'ENOENT'
      ? 'there is no such file'
      : code === 'ELOOP'
        ? 'its symbolic links form a cycle'
        : code === 'EISDIR'
          ? 'it is a folder'
          : code === 'EACCES'
            ? 'reading it is not permitted'
            : `it cannot be read (${code})`;
  return new PixelwiseError('image-unreadable', `${path}: ${why}. Check the path and its permissions.`, {
    cause,
  });
}

/** Reads `length` bytes at offset `at`, or fewer at the end of the file. */
export type ByteReader = (at: number, length: number) => Uint8Array | Promise<Uint8Array>;

/** A {@link ByteReader} for bytes in memory. */
export const readerOf =
  (bytes: Uint8Array): ByteReader =>
  (at, length) =>
    bytes.subarray(at, at + length);

function firstBytes(bytes: Uint8Array): string {
  return [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

function startsWith(bytes: Uint8Array, signature: readonly number[], at = 0): boolean {
  return signature.every((byte, i) => bytes[at + i] === byte);
}

/** The format by the first bytes; undefined for any other file. */
export function detectFormat(bytes: Uint8Array): ImageFormat | undefined {
  if (startsWith(bytes, [0x89, 0x50, 0x4e, 0x47])) return 'png';
  if (startsWith(bytes, [0xff, 0xd8, 0xff])) return 'jpeg';
  if (startsWith(bytes, [0x47, 0x49, 0x46, 0x38])) return 'gif';
  // II or MM; version 42, or 43 for BigTIFF.
  if (startsWith(bytes, [0x49, 0x49]) && (bytes[2] === 42 || bytes[2] === 43) && bytes[3] === 0)
    return 'tiff';
  if (startsWith(bytes, [0x4d, 0x4d, 0]) && (bytes[3] === 42 || bytes[3] === 43)) return 'tiff';
  if (startsWith(bytes, [0x52, 0x49, 0x46, 0x46]) && startsWith(bytes, [0x57, 0x45, 0x42, 0x50], 8))
    return 'webp';
  if (startsWith(bytes, [0x42, 0x4d])) return 'bmp';
  // P1 … P6 and white space.
  if (bytes[0] === 0x50 && bytes[1]! >= 0x31 && bytes[1]! <= 0x36 && bytes[2]! <= 0x20) return 'pnm';
  return undefined;
}

/** Reads the size from a JPEG's marker segments; undefined if they cannot be parsed. */
export function jpegHeader(bytes: Uint8Array): ImageHeader | undefined {
  let at = 2;
  while (at + 9 < bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    // Start of frame: C0…CF except C4 (Huffman tables), C8 (reserved) and CC (arithmetic conditioning).
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      return {
        bitDepth: bytes[at + 4]!,
        height: bytes[at + 5]! * 256 + bytes[at + 6]!,
        width: bytes[at + 7]! * 256 + bytes[at + 8]!,
        channels: bytes[at + 9]!,
      };
    }
    const standalone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    at += standalone ? 2 : 2 + bytes[at + 2]! * 256 + bytes[at + 3]!;
  }
  return undefined;
}

const PNG_CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Reads a PNG's IHDR chunk (palette images have one channel); undefined if there is none. */
export function pngHeader(bytes: Uint8Array): (ImageHeader & { readonly palette: boolean }) | undefined {
  if (bytes.length < 33 || !startsWith(bytes, [0x49, 0x48, 0x44, 0x52], 12)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const colourType = bytes[25]!;
  return {
    width: view.getUint32(16),
    height: view.getUint32(20),
    bitDepth: bytes[24]!,
    channels: PNG_CHANNELS[colourType] ?? 0,
    palette: colourType === 3,
  };
}

/** Throws `image-too-large` if width × height exceeds `most`. Call it before allocating memory. */
export function checkPixelCount(name: string, width: number, height: number, most = MAX_PIXELS): void {
  if (width * height <= most) return;
  const limit = most.toLocaleString('en');
  throw new PixelwiseError(
    'image-too-large',
    `${name}: ${width}×${height} pixels; the limit is ${limit}${most === MAX_PIXELS ? ' (16,384×16,384)' : ''}. ` +
      'Cut the image into tiles or shrink it.',
  );
}

/** Throws `image-too-large` if width × height × channels exceeds {@link MAX_VALUES}. */
export function checkValueCount(name: string, width: number, height: number, channels: number): void {
  if (width * height * channels <= MAX_VALUES) return;
  throw new PixelwiseError(
    'image-too-large',
    `${name}: ${width}×${height} pixels of ${channels} channels; the limit is ${MAX_VALUES.toLocaleString('en')} values. ` +
      'Cut the image into tiles or keep fewer channels.',
  );
}

/** The error for a truncated or inconsistent file. */
export function damaged(name: string, format: string, detail: string, cause?: unknown): PixelwiseError {
  return new PixelwiseError(
    'image-damaged',
    `${name}: damaged or truncated ${format} (${detail}). Copy or export the file again, or remove it.`,
    { cause },
  );
}
