/** Writes small TIFF files for tests, as many programs do: strips or tiles, any samples, pages, BigTIFF. */
import { deflateSync } from 'node:zlib';

export interface TiffPageSpec {
  readonly width: number;
  readonly height: number;
  /** Interleaved samples, 8 to 64 bits each by the array's type; for `bits` below 8, one sample an entry. */
  readonly data:
    | Uint8Array
    | Uint16Array
    | Uint32Array
    | Int8Array
    | Int16Array
    | Int32Array
    | Float32Array
    | Float64Array;
  readonly samples?: number;
  readonly bits?: number;
  readonly photometric?: number;
  readonly extraSamples?: readonly number[];
  /** 16-bit reds, greens and blues. */
  readonly colourMap?: readonly number[];
  readonly description?: string;
  /** With a function that packs each block's bytes. */
  readonly compression?: { readonly number: number; readonly pack: (bytes: Buffer) => Uint8Array };
  readonly predictor?: number;
  readonly planar?: boolean;
  readonly orientation?: number;
  readonly rowsPerStrip?: number;
  readonly tile?: number;
  readonly subfile?: number;
}

export const DEFLATE = { number: 8, pack: (bytes: Buffer) => deflateSync(bytes) };

/** Literal runs only: valid PackBits. */
export const PACKBITS = {
  number: 32773,
  pack: (bytes: Buffer): Buffer => {
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 128) {
      const part = bytes.subarray(at, at + 128);
      parts.push(Buffer.from([part.length - 1]), part);
    }
    return Buffer.concat(parts);
  },
};

export function tiff(pages: readonly TiffPageSpec[], { big = false, little = true } = {}): Buffer {
  const parts: Buffer[] = [];
  let size = 0;
  const push = (bytes: Uint8Array): number => {
    const at = size;
    parts.push(Buffer.from(bytes));
    size += bytes.length;
    return at;
  };
  const number = (value: number, bytes: number): Buffer => {
    const out = Buffer.alloc(bytes);
    if (bytes === 8) {
      if (little) out.writeBigUInt64LE(BigInt(value));
      else out.writeBigUInt64BE(BigInt(value));
    } else if (little) out.writeUIntLE(value, 0, bytes);
    else out.writeUIntBE(value, 0, bytes);
    return out;
  };
  const header = [Buffer.from(little ? 'II' : 'MM'), number(big ? 43 : 42, 2)];
  if (big) header.push(number(8, 2), number(0, 2));
  push(Buffer.concat(header));
  const links: [at: number, value: number][] = [];
  let link = push(number(0, big ? 8 : 4));
  for (const page of pages) {
    const { samples = 1, planar = false, predictor = 1, photometric = samples >= 3 ? 2 : 1 } = page;
    const bits = page.bits ?? 8 * page.data.BYTES_PER_ELEMENT;
    const blocks = blocksOf(page, samples, planar).map((values) =>
      bytesOf(values, bits, predictor, little, page, samples),
    );
    const packed = blocks.map((bytes) => page.compression?.pack(bytes) ?? bytes);
    const offsets = packed.map((bytes) => push(bytes));
    const float = page.data instanceof Float32Array || page.data instanceof Float64Array;
    const signed = [Int8Array, Int16Array, Int32Array].some((kind) => page.data instanceof kind);
    const tags: [tag: number, bytes: number, values: readonly number[]][] = [
      [254, 4, [page.subfile ?? 0]],
      [256, 4, [page.width]],
      [257, 4, [page.height]],
      [258, 2, new Array<number>(samples).fill(bits)],
      [259, 2, [page.compression?.number ?? 1]],
      [262, 2, [photometric]],
      [274, 2, [page.orientation ?? 1]],
      [277, 2, [samples]],
      [284, 2, [planar ? 2 : 1]],
      [317, 2, [predictor]],
      [339, 2, new Array<number>(samples).fill(float ? 3 : signed ? 2 : 1)],
    ];
    if (page.tile !== undefined) tags.push([322, 2, [page.tile]], [323, 2, [page.tile]]);
    else tags.push([278, 4, [page.rowsPerStrip ?? page.height]]);
    const [at, lengths] = page.tile === undefined ? [273, 279] : [324, 325];
    tags.push([at, big ? 8 : 4, offsets], [lengths, 4, packed.map((bytes) => bytes.length)]);
    if (page.colourMap) tags.push([320, 2, page.colourMap]);
    if (page.extraSamples) tags.push([338, 2, page.extraSamples]);
    if (page.description !== undefined) tags.push([270, 1, [...Buffer.from(`${page.description}\0`)]]);
    tags.sort((a, b) => a[0] - b[0]);
    const inline = big ? 8 : 4;
    const types: Record<number, number> = { 1: 2, 2: 3, 4: 4, 8: 16 };
    const entries = tags.map(([tag, bytes, values]) => {
      const content = Buffer.concat(values.map((value) => number(value, bytes)));
      const slot =
        content.length <= inline
          ? Buffer.concat([content, Buffer.alloc(inline - content.length)])
          : number(push(content), inline);
      return Buffer.concat([number(tag, 2), number(types[bytes]!, 2), number(values.length, inline), slot]);
    });
    const directory = push(Buffer.concat([number(entries.length, big ? 8 : 2), ...entries]));
    links.push([link, directory]);
    link = push(number(0, inline));
  }
  const file = Buffer.concat(parts);
  for (const [at, value] of links) number(value, big ? 8 : 4).copy(file, at);
  return file;
}

/** Samples of each strip or tile. */
function blocksOf(
  { width, height, data, rowsPerStrip = height, tile }: TiffPageSpec,
  samples: number,
  planar: boolean,
) {
  const [blockWidth, blockHeight] = tile === undefined ? [width, rowsPerStrip] : [tile, tile];
  const blocks: number[][] = [];
  for (let plane = 0; plane < (planar ? samples : 1); plane++) {
    for (let top = 0; top < height; top += blockHeight) {
      for (let left = 0; left < width; left += blockWidth) {
        const rows = tile === undefined ? Math.min(blockHeight, height - top) : blockHeight;
        const values: number[] = [];
        for (let y = top; y < top + rows; y++) {
          for (let x = left; x < left + blockWidth; x++) {
            for (let s = 0; s < (planar ? 1 : samples); s++) {
              const inside = x < width && y < height;
              values.push(inside ? data[(y * width + x) * samples + (planar ? plane : s)]! : 0);
            }
          }
        }
        blocks.push(values);
      }
    }
  }
  return blocks;
}

function bytesOf(
  values: readonly number[],
  bits: number,
  predictor: number,
  little: boolean,
  { data, tile, width, planar = false }: TiffPageSpec,
  samples: number,
): Buffer {
  const across = (tile ?? width) * (planar ? 1 : samples);
  const step = planar ? 1 : samples;
  if (bits < 8) {
    const rowBytes = Math.ceil((across * bits) / 8);
    const out = Buffer.alloc((rowBytes * values.length) / across);
    values.forEach((value, i) => {
      const bit = (i % across) * bits;
      out[Math.floor(i / across) * rowBytes + (bit >> 3)]! |= value << (8 - bits - (bit & 7));
    });
    return out;
  }
  const size = bits / 8;
  const typed = data.slice(0, 0).constructor as new (values: Iterable<number>) => typeof data;
  const array = new typed(values);
  if (predictor === 2) {
    for (let i = array.length - 1; i >= 0; i--)
      if (i % across >= step) array[i] = array[i]! - array[i - step]!;
  }
  const bytes = Buffer.from(array.buffer);
  if (predictor === 3) {
    const out = Buffer.alloc(bytes.length);
    for (let row = 0; row * across < values.length; row++) {
      const from = row * across * size;
      for (let x = 0; x < across; x++) {
        for (let b = 0; b < size; b++) out[from + b * across + x] = bytes[from + x * size + size - 1 - b]!;
      }
      for (let i = across * size - 1; i >= step; i--) out[from + i] = out[from + i]! - out[from + i - step]!;
    }
    return out;
  }
  if (!little) for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
  return bytes;
}
