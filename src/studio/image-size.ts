/** Sizes of image files as they are shown, from their first bytes where these tell. */
import { open, stat } from 'node:fs/promises';
import { describeImage } from '../images/decode.js';
import { detectFormat, jpegHeader, pngHeader, unreadable } from '../images/image-source.js';
import { imageSize, inTiff } from '../images/pixel-file.js';
import { loadSharp } from '../images/sharp.js';

export interface ShownSize {
  readonly width: number;
  readonly height: number;
}

/** Bytes that are read first. */
const HEAD_BYTES = 2 ** 16;

/** Width and height after the orientation is applied. Throws as `decodeImage` for files that cannot be read. */
export async function shownSize(path: string): Promise<ShownSize> {
  const head = await readHead(path);
  const format = detectFormat(head);
  if (format === 'png') {
    const header = pngHeader(head);
    if (header) return header;
  }
  if (format === 'jpeg') {
    const header = jpegHeader(head);
    if (header && exifAt(head) < 0) return header;
  }
  if (format === 'jpeg' || format === 'webp') {
    const sharp = await loadSharp();
    const found = await sharp(path, { limitInputPixels: false })
      .metadata()
      .catch(() => undefined);
    // What sharp cannot read is explained below.
    if (found) return { width: found.autoOrient.width, height: found.autoOrient.height };
  }
  if (format === 'tiff') return (await inTiff(path, (tiff) => tiff.layout()))!;
  return (await imageSize(path)) ?? (await describeImage(path));
}

/** Tells contents of a file apart, by its modification time and length; undefined if it is gone. */
export async function fileVersion(file: string): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found && `${Math.round(found.mtimeMs)}-${found.size}`;
}

/** The first bytes of a file: enough for the header of most files. Throws `image-unreadable`. */
export async function readHead(path: string): Promise<Uint8Array> {
  const file = await open(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    await file.close();
  }
}

/** Where EXIF data begins, which may hold an orientation; −1 without any. */
const exifAt = (head: Uint8Array): number =>
  Buffer.from(head.buffer, head.byteOffset, head.length).indexOf('Exif\0\0', 0, 'latin1');
