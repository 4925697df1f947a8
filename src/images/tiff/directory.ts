/**
 * Reads the directories of a TIFF file: the description of each page, without its pixels (TIFF 6.0, Adobe 1992;
 * BigTIFF, specification of 2004). Every size is checked against the size of the file, so that a crafted header
 * cannot make the reader allocate too much memory.
 */
import { type ByteReader, damaged } from '../image-source.js';

/** Photometric interpretations (tag 262). */
export const WHITE_IS_ZERO = 0;
export const BLACK_IS_ZERO = 1;
export const RGB = 2;
export const PALETTE = 3;

/** The number format of samples (tag 339). */
export type SampleFormat = 'uint' | 'int' | 'float';

/** The description of one page. */
export interface TiffPage {
  readonly width: number;
  readonly height: number;
  /** Samples per pixel, including extra ones. */
  readonly samples: number;
  /** Bits per sample. */
  readonly bits: number;
  readonly format: SampleFormat;
  readonly photometric: number;
  readonly compression: number;
  readonly predictor: number;
  /** True if each sample has its own strips (planar configuration 2). */
  readonly planar: boolean;
  /** The kind of each sample after grey or RGB: 0 unspecified, 1 associated alpha, 2 unassociated alpha. */
  readonly extraSamples: readonly number[];
  /** RGB triples, 0…255, by index. */
  readonly palette: Uint8Array | undefined;
  /** Orientation as in EXIF; 1 is upright. */
  readonly orientation: number;
  readonly description: string;
  readonly tiled: boolean;
  /** Size of a strip (as wide as the image) or of a tile. */
  readonly block: { readonly width: number; readonly height: number };
  /** First byte and length of each block; both are 0 for a block that a sparse file omits. */
  readonly offsets: readonly number[];
  readonly lengths: readonly number[];
  /** True for a smaller copy of another page: a thumbnail or a level of a pyramid. */
  readonly reduced: boolean;
  /** True if the lowest bit of a byte comes first. */
  readonly lowBitsFirst: boolean;
}

export interface TiffDirectories {
  readonly little: boolean;
  readonly pages: readonly TiffPage[];
}

/** Size of a value in bytes, by the number of its type. */
const TYPE_BYTES: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
};

const MOST_PAGES = 65_536;
/** Longer descriptions are ignored: they are not the metadata that is read here. */
const MOST_TEXT = 2 ** 24;

interface Entry {
  readonly type: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/**
 * Reads the directories of all pages.
 *
 * @param size bytes of the file. @throws PixelwiseError `image-damaged`.
 */
export async function readDirectories(
  name: string,
  read: ByteReader,
  size: number,
): Promise<TiffDirectories> {
  const fail = (detail: string): never => {
    throw damaged(name, 'TIFF', detail);
  };
  const bytesAt = async (at: number, length: number, what: string): Promise<DataView> => {
    if (!(at >= 0 && at + length <= size)) fail(`${what} is beyond the end of the file`);
    const bytes = await read(at, length);
    if (bytes.length < length) fail(`${what} is cut short`);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  const header = await bytesAt(0, 8, 'its header');
  const little = header.getUint8(0) === 0x49;
  const big = header.getUint16(2, little) === 43;
  const wide = (view: DataView, at: number): number => Number(view.getBigUint64(at, little));
  let next = big ? wide(await bytesAt(0, 16, 'its header'), 8) : header.getUint32(4, little);
  const entrySize = big ? 20 : 12;
  const countSize = big ? 8 : 2;
  const linkSize = big ? 8 : 4;

  const pages: TiffPage[] = [];
  const visited = new Set<number>();
  while (next !== 0) {
    if (visited.has(next)) fail('its pages lead in a circle');
    if (pages.length >= MOST_PAGES) fail(`it has more than ${MOST_PAGES} pages`);
    visited.add(next);
    const counted = await bytesAt(next, countSize, `the directory of page ${pages.length}`);
    const count = big ? wide(counted, 0) : counted.getUint16(0, little);
    const length = count * entrySize;
    const table = await bytesAt(next + countSize, length + linkSize, `the directory of page ${pages.length}`);
    const entries = new Map<number, Entry>();
    for (let at = 0; at < length; at += entrySize) {
      const tag = table.getUint16(at, little);
      const type = table.getUint16(at + 2, little);
      const items = big ? wide(table, at + 4) : table.getUint32(at + 4, little);
      const total = items * (TYPE_BYTES[type] ?? 0);
      if (total === 0 || !WANTED.has(tag) || (tag === DESCRIPTION && total > MOST_TEXT)) continue;
      const inline = at + (big ? 12 : 8);
      const view =
        total <= linkSize
          ? new DataView(table.buffer, table.byteOffset + inline, total)
          : await bytesAt(
              big ? wide(table, inline) : table.getUint32(inline, little),
              total,
              `tag ${tag} of page ${pages.length}`,
            );
      const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      entries.set(tag, { type, count: items, bytes });
    }
    pages.push(pageOf(entries, little, fail));
    next = big ? wide(table, length) : table.getUint32(length, little);
  }
  if (pages.length === 0) fail('it has no page');
  return { little, pages };
}

const SUBFILE = 254;
const WIDTH = 256;
const HEIGHT = 257;
const BITS = 258;
const COMPRESSION = 259;
const PHOTOMETRIC = 262;
const FILL_ORDER = 266;
const DESCRIPTION = 270;
const STRIP_OFFSETS = 273;
const ORIENTATION = 274;
const SAMPLES = 277;
const ROWS_PER_STRIP = 278;
const STRIP_LENGTHS = 279;
const PLANAR = 284;
const PREDICTOR = 317;
const COLOUR_MAP = 320;
const TILE_WIDTH = 322;
const TILE_HEIGHT = 323;
const TILE_OFFSETS = 324;
const TILE_LENGTHS = 325;
const EXTRA_SAMPLES = 338;
const SAMPLE_FORMAT = 339;

const WANTED = new Set([
  ...[SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, DESCRIPTION, STRIP_OFFSETS],
  ...[ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_LENGTHS, PLANAR, PREDICTOR, COLOUR_MAP, TILE_WIDTH],
  ...[TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS, EXTRA_SAMPLES, SAMPLE_FORMAT],
]);

function pageOf(
  entries: ReadonlyMap<number, Entry>,
  little: boolean,
  fail: (detail: string) => never,
): TiffPage {
  const numbers = (tag: number): number[] => {
    const entry = entries.get(tag);
    return entry === undefined ? [] : numbersOf(entry, little);
  };
  const number = (tag: number, absent: number): number => numbers(tag)[0] ?? absent;
  const [width, height] = [number(WIDTH, 0), number(HEIGHT, 0)];
  if (width < 1 || height < 1) fail(`its size is ${width}×${height}`);
  const samples = number(SAMPLES, 1);
  const photometric = number(PHOTOMETRIC, BLACK_IS_ZERO);
  if (samples < 1) fail(`it has ${samples} samples per pixel`);
  const bits = numbers(BITS);
  if (bits.some((count) => count !== bits[0])) {
    fail(`its samples have different numbers of bits (${bits.join(', ')}), which is not supported`);
  }
  const tiled = entries.has(TILE_OFFSETS);
  const block = tiled
    ? { width: number(TILE_WIDTH, 0), height: number(TILE_HEIGHT, 0) }
    : { width, height: Math.min(height, number(ROWS_PER_STRIP, height) || height) };
  if (block.width < 1 || block.height < 1) fail(`its tiles are ${block.width}×${block.height}`);
  const planar = number(PLANAR, 1) === 2 && samples > 1;
  const blocks = Math.ceil(width / block.width) * Math.ceil(height / block.height) * (planar ? samples : 1);
  const offsets = numbers(tiled ? TILE_OFFSETS : STRIP_OFFSETS);
  const lengths = numbers(tiled ? TILE_LENGTHS : STRIP_LENGTHS);
  if (offsets.length < blocks) fail(`it lists ${offsets.length} of ${blocks} strips or tiles`);
  const format = number(SAMPLE_FORMAT, 1);
  if (format > 4) fail('its samples are complex numbers, which no image has');
  const map = numbers(COLOUR_MAP);
  const text = entries.get(DESCRIPTION)?.bytes;
  return {
    width,
    height,
    samples,
    bits: bits[0] ?? 1,
    format: format === 2 ? 'int' : format === 3 ? 'float' : 'uint',
    photometric,
    compression: number(COMPRESSION, 1),
    predictor: number(PREDICTOR, 1),
    planar,
    extraSamples: numbers(EXTRA_SAMPLES),
    palette: map.length > 0 ? paletteOf(map) : undefined,
    orientation: number(ORIENTATION, 1),
    description: text === undefined ? '' : new TextDecoder().decode(text).replace(/\0[^]*$/, ''),
    tiled,
    block,
    offsets,
    lengths,
    reduced: (number(SUBFILE, 0) & 1) === 1,
    lowBitsFirst: number(FILL_ORDER, 1) === 2,
  };
}

function numbersOf({ type, count, bytes }: Entry, little: boolean): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const step = TYPE_BYTES[type]!;
  return Array.from({ length: count }, (_, i) => {
    const at = i * step;
    if (step === 1) return view.getUint8(at);
    if (step === 2) return view.getUint16(at, little);
    return step === 4 ? view.getUint32(at, little) : Number(view.getBigUint64(at, little));
  });
}

/** Colours from a table of all reds, then greens, then blues, in 16 bits each. Some writers use the low byte only. */
function paletteOf(map: readonly number[]): Uint8Array {
  const entries = Math.floor(map.length / 3);
  const wide = map.some((value) => value > 255);
  const palette = new Uint8Array(3 * entries);
  for (let i = 0; i < entries; i++) {
    for (let c = 0; c < 3; c++)
      palette[3 * i + c] = wide ? map[c * entries + i]! >> 8 : map[c * entries + i]!;
  }
  return palette;
}
