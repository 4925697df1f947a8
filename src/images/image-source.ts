/**
 * Where pixels come from: a file or bytes in memory, with a name for messages, and the format told by
 * the first bytes (never by the file's ending: the original Oxford Pets has PNG and GIF named `.jpg`).
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isMainThread } from 'node:worker_threads';
import { PixelwiseError } from '../errors/index.js';

/** More pixels than this in one image are refused before any is decoded (2²⁸: 16,384 × 16,384). */
export const MAX_PIXELS = 2 ** 28;

/** More values (pixels × channels) than this in one image are refused. */
const MAX_VALUES = 3 * MAX_PIXELS;

/** The formats that are read, with their names for messages and the endings that files of them have. */
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

/** Endings of image files, in lower case and without the dot. Files are found by them in any case. */
export const IMAGE_ENDINGS: readonly string[] = Object.values(FORMATS).flatMap(({ endings }) => endings);

/** True for names that end as TIFFs do. */
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
  /** Images of more pixels are refused; default {@link MAX_PIXELS}. */
  readonly maxPixels?: number;
}

/** Pixel size and sample layout as a header tells them, before decoding. */
export interface ImageHeader {
  readonly width: number;
  readonly height: number;
  /** Samples a pixel in the file, alpha and CMYK's K included. */
  readonly channels: number;
  readonly bitDepth: number;
}

/** Reads `source` whole and recognises its format. Throws `image-unreadable`, `image-empty` or `image-format`. */
export async function readImage(source: string | Uint8Array): Promise<ImageBytes> {
  const name = typeof source === 'string' ? source : 'image in memory';
  const bytes = typeof source === 'string' ? await readWhole(source) : source;
  return { name, bytes, format: formatOf(name, bytes) };
}

/** The format that a file's first bytes tell. Throws `image-empty` or `image-format`. */
export function formatOf(name: string, bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0) {
    throw new PixelwiseError(
      'image-empty',
      `${name}: the file is empty (0 bytes). Copy it again or remove it.`,
    );
  }
  const format = recognise(bytes);
  if (format === undefined) {
    throw new PixelwiseError(
      'image-format',
      `${name}: not an image that can be read (its first bytes are ${firstBytes(bytes)}). ` +
        `${IMAGE_FORMAT_NAMES} are read; convert the file to one of them or remove it.`,
    );
  }
  return format;
}

async function readWhole(path: string): Promise<Uint8Array> {
  try {
    // Four trips through the thread pool cost more than a small file: a thread of our own reads it by itself.
    return isMainThread ? await readFile(path) : readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** The file system gives no bytes. */
export function unreadable(path: string, cause: unknown): PixelwiseError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const why =
    code === 'ENOENT'
      ? 'there is no such file'
      : code === 'ELOOP'
        ? 'its symbolic links lead in a circle'
        : code === 'EISDIR'
          ? 'it is a folder'
          : code === 'EACCES'
            ? 'reading it is not permitted'
            : `it cannot be read (${code})`;
  return new PixelwiseError('image-unreadable', `${path}: ${why}. Check the path and its permissions.`, {
    cause,
  });
}

/** Reads `length` bytes of a file from `at`, or as many as it has. */
export type ByteReader = (at: number, length: number) => Uint8Array | Promise<Uint8Array>;

/** Bytes in memory as a file. */
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

function recognise(bytes: Uint8Array): ImageFormat | undefined {
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

/** What the first marker segments say; undefined where they cannot be followed. */
export function jpegHeader(bytes: Uint8Array): ImageHeader | undefined {
  let at = 2;
  while (at + 9 < bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    // Start of frame: C0…CF but for C4 (Huffman tables), C8 (reserved) and CC (arithmetic conditioning).
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

/** What a PNG's IHDR chunk says (palette images count one channel); undefined where there is none. */
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

/** Throws `image-too-large` where width × height is beyond `most`, before memory is taken. */
export function checkPixelCount(name: string, width: number, height: number, most = MAX_PIXELS): void {
  if (width * height <= most) return;
  const limit = most.toLocaleString('en');
  throw new PixelwiseError(
    'image-too-large',
    `${name}: ${width}×${height} pixels; at most ${limit}${most === MAX_PIXELS ? ' (16,384×16,384)' : ''} are read. ` +
      'Cut the image into tiles or shrink it.',
  );
}

/** Throws `image-too-large` where width × height × channels is beyond what may stand in memory. */
export function checkValueCount(name: string, width: number, height: number, channels: number): void {
  if (width * height * channels <= MAX_VALUES) return;
  throw new PixelwiseError(
    'image-too-large',
    `${name}: ${width}×${height} pixels of ${channels} channels; at most ${MAX_VALUES.toLocaleString('en')} values are ` +
      'read. Cut the image into tiles or keep fewer channels.',
  );
}

/** The bytes end, or contradict themselves, before the picture is whole. */
export function damaged(name: string, format: string, detail: string, cause?: unknown): PixelwiseError {
  return new PixelwiseError(
    'image-damaged',
    `${name}: damaged or truncated ${format} (${detail}). Copy or export the file again, or remove it.`,
    { cause },
  );
}
