/** Sizes and sample layouts from the headers of files. Uses nothing from Node. */

/** Image size and sample layout from a header. */
export interface ImageHeader {
  readonly width: number;
  readonly height: number;
  /** Samples per pixel in the file, including alpha and CMYK's K. */
  readonly channels: number;
  readonly bitDepth: number;
}

/** Whether `bytes` has the bytes of `signature` at offset `at`. */
export function startsWith(bytes: Uint8Array, signature: readonly number[], at = 0): boolean {
  return signature.every((byte, i) => bytes[at + i] === byte);
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
