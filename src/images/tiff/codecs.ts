/**
 * Decoders for the strips and tiles of TIFF files. Each returns a block of exactly the known size. A block that
 * decodes to fewer or more bytes is damaged.
 */
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';

/** Damage in one block. The reader adds the file and the number of the block. */
export class BlockDamage extends Error {}

type Codec = (packed: Uint8Array, size: number) => Uint8Array;

const NONE = 1;
const PACKBITS = 32773;

/** The supported compressions, by their number in TIFF. */
const CODECS: Readonly<Record<number, Codec>> = {
  [NONE]: (packed, size) => {
    if (packed.length < size) throw short(packed.length, size);
    return packed.subarray(0, size);
  },
  5: unpackLzw,
  8: inflate,
  32946: inflate,
  [PACKBITS]: unpackBits,
  50000: zstd,
};

/** The most bytes that one compressed byte can encode. A header that claims more is wrong. */
const MOST_EXPANSION: Readonly<Record<number, number>> = {
  [NONE]: 1,
  5: 4096,
  8: 1040,
  32946: 1040,
  [PACKBITS]: 64,
  50000: 2 ** 16,
};

/** Names of compressions, for messages. */
const NAMES: Readonly<Record<number, string>> = {
  2: 'CCITT',
  3: 'CCITT G3',
  4: 'CCITT G4',
  6: 'old JPEG',
  7: 'JPEG',
  34676: 'SGI LogLuv',
  34712: 'JPEG 2000',
  33003: 'JPEG 2000',
  33005: 'JPEG 2000',
  34887: 'LERC',
  34925: 'LZMA',
  50001: 'WebP',
  50002: 'JPEG XL',
  52546: 'JPEG XL',
};

export const codecOf = (compression: number): Codec | undefined => CODECS[compression];

/** `LERC (34887)`. */
export function compressionName(compression: number): string {
  const name = NAMES[compression];
  return name === undefined ? `number ${compression}` : `${name} (${compression})`;
}

/** Whether `packed` bytes can encode `size` bytes in this compression. */
export function canHold(compression: number, packed: number, size: number): boolean {
  return packed * (MOST_EXPANSION[compression] ?? 1) >= size;
}

const short = (got: number, size: number): BlockDamage =>
  new BlockDamage(`it ends after ${got} of ${size} bytes`);

function inflate(packed: Uint8Array, size: number): Uint8Array {
  try {
    const bytes = zlib.inflateSync(packed, { maxOutputLength: size + 1, chunkSize: Math.max(64, size + 1) });
    if (bytes.length < size) throw short(bytes.length, size);
    return bytes.subarray(0, size);
  } catch (error) {
    if (error instanceof BlockDamage) throw error;
    throw new BlockDamage(error instanceof Error ? error.message : String(error));
  }
}

/** Uses Node's Zstandard (from 22.15), else a decoder in JavaScript. */
const nodeZstd = (zlib as { zstdDecompressSync?: (bytes: Uint8Array, options: object) => Uint8Array })
  .zstdDecompressSync;

function zstd(packed: Uint8Array, size: number): Uint8Array {
  try {
    const bytes =
      nodeZstd === undefined ? unpackZstd(packed, size) : nodeZstd(packed, { maxOutputLength: size + 1 });
    if (bytes.length < size) throw short(bytes.length, size);
    return bytes.subarray(0, size);
  } catch (error) {
    if (error instanceof BlockDamage) throw error;
    throw new BlockDamage(error instanceof Error ? error.message : String(error));
  }
}

/** Checks the size of the result: for a damaged frame the decoder returns too few bytes, without an error. */
function unpackZstd(packed: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let to = 0;
  const decoder = new Decompress((part) => {
    const kept = part.subarray(0, size - to);
    out.set(kept, to);
    to += kept.length;
  });
  decoder.push(packed, true);
  if (to < size) throw short(to, size);
  return out;
}

/** Bytes that may follow the compressed data of a block, because some writers pad blocks. */
const MOST_PADDING = 16;

/** PackBits: runs of equal bytes and of literal bytes (TIFF 6.0, section 9). */
function unpackBits(packed: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let at = 0;
  let to = 0;
  while (to < size && at < packed.length) {
    const code = packed[at++]!;
    if (code === 128) continue;
    const length = code < 128 ? code + 1 : 257 - code;
    if (to + length > size) throw new BlockDamage('a run extends beyond the end of the block');
    if (code < 128) {
      if (at + length > packed.length) break;
      out.set(packed.subarray(at, at + length), to);
      at += length;
    } else out.fill(packed[at++]!, to, to + length);
    to += length;
  }
  if (to < size) throw short(to, size);
  if (packed.length - at > MOST_PADDING) {
    throw new BlockDamage(`${packed.length - at} compressed bytes are left over`);
  }
  return out;
}

const CLEAR = 256;
const END = 257;
const MOST_CODES = 4096;

/** Lempel-Ziv-Welch with the highest bit first; codes get longer one code early (TIFF 6.0, section 13). */
function unpackLzw(packed: Uint8Array, size: number): Uint8Array {
  if (packed[0] === 0 && (packed[1]! & 1) === 1) {
    throw new BlockDamage('it uses the LZW variant from before 1988, with the lowest bit first');
  }
  const out = new Uint8Array(size);
  // A string is stored as its first position in the output and its length.
  const startOf = new Int32Array(MOST_CODES);
  const lengthOf = new Int32Array(MOST_CODES);
  let next = END + 1;
  let width = 9;
  let previous = -1;
  let previousLength = 0;
  let to = 0;
  // Bits that were read and not used yet: the lowest `held` of `buffer`. Those above are old.
  let buffer = 0;
  let held = 0;
  let at = 0;
  while (to < size) {
    while (held < width && at < packed.length) {
      buffer = (buffer << 8) | packed[at++]!;
      held += 8;
    }
    if (held < width) throw short(to, size);
    held -= width;
    const code = (buffer >>> held) & ((1 << width) - 1);
    if (code === END) throw short(to, size);
    if (code === CLEAR) {
      next = END + 1;
      width = 9;
      previous = -1;
      continue;
    }
    const from = to;
    let length = 1;
    if (code < CLEAR) out[to++] = code;
    else {
      const repeats = code === next && previous >= 0;
      if (code >= next && !repeats) throw new BlockDamage(`code ${code} is undefined`);
      const source = repeats ? previous : startOf[code]!;
      length = repeats ? previousLength + 1 : lengthOf[code]!;
      const end = Math.min(to + length, size);
      // Byte by byte, because source and destination overlap if a string repeats its own first byte.
      for (let i = source; to < end; i++, to++) out[to] = out[i]!;
    }
    if (previous >= 0 && next < MOST_CODES) {
      startOf[next] = previous;
      lengthOf[next] = previousLength + 1;
      next++;
      if (next === (1 << width) - 1 && width < 12) width++;
    }
    previous = from;
    previousLength = length;
  }
  if (packed.length - at > MOST_PADDING && !isLast(packed, at, buffer, held, width)) {
    throw new BlockDamage(`${packed.length - at} compressed bytes are left over`);
  }
  return out;
}

/** Whether the next code, after `held` bits of `buffer`, ends a block or clears the table. */
function isLast(packed: Uint8Array, at: number, buffer: number, held: number, width: number): boolean {
  for (; held < width; held += 8) buffer = (buffer << 8) | packed[at++]!;
  const code = (buffer >>> (held - width)) & ((1 << width) - 1);
  return code === END || code === CLEAR;
}
