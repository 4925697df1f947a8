/**
 * Reads the bytes of an image and detects its format from the first bytes, not from the file's extension: the
 * original Oxford Pets has PNG and GIF files named `.jpg`.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isMainThread } from 'node:worker_threads';
import { PixelwiseError } from '../errors/index.js';
import { startsWith } from './image-header.js';

export { type ImageHeader, jpegHeader, pngHeader } from './image-header.js';
export { checkExpansion, checkPixelCount, checkValueCount, damaged, MAX_PIXELS } from './image-limits.js';

/** Supported formats, with names for messages and file extensions. */
const FORMATS = {
  png: { title: 'PNG', endings: ['png'] },
  jpeg: { title: 'JPEG', endings: ['jpg', 'jpeg', 'jpe', 'jfif', 'jif'] },
  tiff: { title: 'TIFF', endings: ['tif', 'tiff'] },
  webp: { title: 'WebP', endings: ['webp'] },
  avif: { title: 'AVIF', endings: ['avif'] },
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
  /** Maximum number of pixels; default `MAX_PIXELS`. */
  readonly maxPixels?: number;
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
  if (format === undefined && isHeic(bytes)) {
    throw new PixelwiseError(
      'image-format',
      `${name}: a HEIC photo. Its codec (HEVC) is patented and not part of this program. Convert it to JPEG: ` +
        '`sips -s format jpeg IN --out OUT` on a Mac, `heif-convert IN OUT` elsewhere. An iPhone takes JPEG with ' +
        'Settings › Camera › Formats › Most Compatible.',
    );
  }
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
  if (brandsOf(bytes).some((brand) => brand === 'avif' || brand === 'avis')) return 'avif';
  // P1 … P6 and white space.
  if (bytes[0] === 0x50 && bytes[1]! >= 0x31 && bytes[1]! <= 0x36 && bytes[2]! <= 0x20) return 'pnm';
  return undefined;
}

/** The most brands that are read of a file. */
const BRANDS = 16;

/** The brands of an ISO base media file (its box `ftyp`): which formats it is readable as. None for other files. */
function brandsOf(bytes: Uint8Array): string[] {
  const text = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (text(4) !== 'ftyp') return [];
  const length = Math.min(bytes.length, 256 * bytes[2]! + bytes[3]!, 16 + 4 * BRANDS);
  const brands = [text(8)];
  for (let at = 16; at + 4 <= length; at += 4) brands.push(text(at));
  return brands;
}

const HEIC_BRANDS = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1'];

/** Whether a file is a HEIC photo, as phones take them. */
export function isHeic(bytes: Uint8Array): boolean {
  return brandsOf(bytes).some((brand) => HEIC_BRANDS.includes(brand));
}
