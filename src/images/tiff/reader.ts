/**
 * Pixels of TIFF files: strips and tiles, uncompressed or LZW, deflate, PackBits, Zstandard; samples of 1 to 64 bits,
 * signed and unsigned integers and floating point; pages; BigTIFF. Rows are decoded block by block, so a large image
 * does not have to fit into memory.
 *
 * libvips reads TIFFs, too, but returns black if libtiff cannot decode a block, detects alpha only on the first page,
 * and turns palette indices into colours.
 */
import { PixelwiseError } from '../../errors/index.js';
import { type ByteReader, checkValueCount, damaged } from '../image-source.js';
import { BlockDamage, canHold, codecOf, compressionName } from './codecs.js';
import { PALETTE, readDirectories, type TiffPage } from './directory.js';

/** Samples as stored, in the smallest array type that can represent them. */
export type StoredSamples =
  Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** The largest decoded block. Writers do not produce larger ones, and a whole block must fit into memory. */
const MOST_BLOCK_BYTES = 2 ** 31;

/** Sparse files omit blocks of zeros. Up to this many samples, all blocks may be omitted. */
const MOST_SPARSE_SAMPLES = 2 ** 26;

/** CMYK is 5, YCbCr 6, the kinds of Lab 8 to 10. */
const FIRST_OTHER_SPACE = 5;
const LAST_OTHER_SPACE = 10;

/** Compressions that are left to libvips: CCITT and JPEG. */
const LEFT_TO_VIPS = new Set([2, 3, 4, 7]);

export class TiffFile {
  private constructor(
    readonly name: string,
    private readonly read: ByteReader,
    /** Bytes of the file. */
    readonly size: number,
    private readonly little: boolean,
    /** All pages except thumbnails and levels of pyramids. */
    readonly pages: readonly TiffPage[],
  ) {}

  /** @param size bytes of the file. @throws PixelwiseError `image-damaged` for invalid directories. */
  static async open(name: string, read: ByteReader, size: number): Promise<TiffFile> {
    const { little, pages } = await readDirectories(name, read, size);
    const whole = pages.filter((page) => !page.reduced);
    const first = whole[0] ?? pages[0]!;
    // Labels and previews by slide scanners have other sizes.
    const alike = whole.filter(({ width, height }) => width === first.width && height === first.height);
    const listed = alike.length > 0 ? alike : [first];
    return new TiffFile(name, read, size, little, withImageJRest(listed, size));
  }

  /**
   * True if only libvips, not this reader, decodes the colour space or compression of the pixels: JPEG,
   * CCITT, CMYK, YCbCr and Lab.
   */
  isLeftToVips({ compression, photometric }: TiffPage): boolean {
    return (
      LEFT_TO_VIPS.has(compression) || (photometric >= FIRST_OTHER_SPACE && photometric <= LAST_OTHER_SPACE)
    );
  }

  /** Throws `image-codec` if the compression is not supported, `image-depth` if the sample format is not. */
  checkReadable(page: TiffPage): void {
    const { compression, bits, format } = page;
    if (codecOf(compression) === undefined) {
      throw new PixelwiseError(
        'image-codec',
        `${this.name}: its pixels are compressed with ${compressionName(compression)}, which cannot be decoded here. ` +
          'Convert the file, for instance with: gdal_translate -co COMPRESS=DEFLATE IN OUT, or save it as LZW or ' +
          'uncompressed TIFF.',
      );
    }
    const known = format === 'float' ? [16, 32, 64] : [1, 2, 4, 8, 10, 12, 14, 16, 32];
    if (!known.includes(bits) || (format === 'int' && bits < 8)) {
      throw new PixelwiseError(
        'image-depth',
        `${this.name}: its samples are ${format === 'float' ? 'floating-point numbers' : 'whole numbers'} of ${bits} bits; ` +
          `supported are ${known.join(', ')} bits. Save the file with 8, 16 or 32 bits per sample.`,
      );
    }
    if (page.photometric === PALETTE && page.palette === undefined) {
      throw damaged(this.name, 'TIFF', 'its palette is missing');
    }
  }

  /**
   * Rows `top` to `top + rows` of a page as stored, samples interleaved. Throws `image-damaged`, naming the strip or
   * tile, and `image-codec`.
   */
  async rows(page: TiffPage, top = 0, rows = page.height): Promise<StoredSamples> {
    this.checkReadable(page);
    const { width, height, samples, block, planar } = page;
    checkValueCount(this.name, width, rows, samples);
    this.checkPromise(page);
    const out = makeSamples(page, width * rows * samples);
    const across = Math.ceil(width / block.width);
    const down = Math.ceil(height / block.height);
    const inBlock = planar ? 1 : samples;
    const last = Math.ceil((top + rows) / block.height);
    for (let plane = 0; plane < (planar ? samples : 1); plane++) {
      for (let row = Math.floor(top / block.height); row < last; row++) {
        for (let column = 0; column < across; column++) {
          const index = (plane * down + row) * across + column;
          const fits = Math.min(block.height, height - row * block.height);
          const values = await this.block(page, index, fits, inBlock);
          if (values === undefined) continue;
          const left = column * block.width;
          const copied = Math.min(block.width, width - left) * inBlock;
          const from = Math.max(0, top - row * block.height);
          const to = Math.min(fits, top + rows - row * block.height);
          for (let y = from; y < to; y++) {
            const source = values.subarray(y * block.width * inBlock, y * block.width * inBlock + copied);
            const target = ((row * block.height + y - top) * width + left) * samples;
            if (planar) {
              for (let x = 0; x < copied; x++) out[target + x * samples + plane] = source[x]!;
            } else out.set(source as never, target);
          }
        }
      }
    }
    return out;
  }

  /** One decoded strip or tile; undefined if a sparse file omits it, which means zeros. */
  private async block(
    page: TiffPage,
    index: number,
    rowsLeft: number,
    samples: number,
  ): Promise<StoredSamples | undefined> {
    const { block, bits, tiled, compression, lengths, offsets } = page;
    const offset = offsets[index]!;
    const rowBytes = Math.ceil((block.width * samples * bits) / 8);
    const whole = rowBytes * block.height;
    // The last strip contains the remaining rows; tiles always have their full size.
    const needed = tiled ? whole : rowBytes * rowsLeft;
    // Some writers omit the length of a single uncompressed strip, or write a wrong one.
    const plain = compression === 1;
    const length = plain ? needed : (lengths[index] ?? this.size - offset);
    if (offset === 0 && (lengths[index] ?? 0) === 0) return undefined;
    const where = `strip or tile ${index} of ${offsets.length}`;
    if (whole > MOST_BLOCK_BYTES) throw damaged(this.name, 'TIFF', `${where} would take ${whole} bytes`);
    if (offset + length > this.size) {
      throw damaged(this.name, 'TIFF', `${where} is beyond the end of the file`);
    }
    if (!canHold(compression, length, needed)) {
      throw damaged(this.name, 'TIFF', `${where}: ${length} bytes cannot hold ${needed}`);
    }
    const packed = await this.read(offset, length);
    if (packed.length < length) throw damaged(this.name, 'TIFF', `${where} is cut short`);
    const bytes = page.lowBitsFirst ? packed.map((byte) => REVERSED[byte]!) : packed;
    let unpacked: Uint8Array;
    try {
      unpacked = codecOf(compression)!(bytes, needed);
    } catch (error) {
      if (!(error instanceof BlockDamage)) throw error;
      throw damaged(this.name, 'TIFF', `${where}: ${error.message}`, error);
    }
    return samplesOf(unpacked, page, block.width, samples, needed / rowBytes, this.little);
  }

  /** Throws if the header claims more pixels than the file can contain, before memory is allocated. */
  checkPromise(page: TiffPage): void {
    const { width, height, samples, bits, compression, lengths, offsets } = page;
    const packed = lengths.length === 0 ? this.size : lengths.reduce((sum, length) => sum + length, 0);
    const size = Math.ceil((width * height * samples * bits) / 8);
    const sparse = offsets.includes(0) && width * height * samples <= MOST_SPARSE_SAMPLES;
    const held = compression === 1 ? this.size : Math.min(packed, this.size);
    if (sparse || canHold(compression, held, size)) return;
    throw damaged(
      this.name,
      'TIFF',
      `${this.size} bytes are too few for ${width}×${height} pixels of ${samples} samples`,
    );
  }
}

/** Reverses the bits of a byte. */
const REVERSED = Uint8Array.from({ length: 256 }, (_, byte) => {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) reversed |= 128 >> bit;
  return reversed;
});

/** ImageJ writes stacks above 4 GiB with a single directory; the other pages follow the pixels of the first. */
function withImageJRest(pages: readonly TiffPage[], size: number): readonly TiffPage[] {
  const [first] = pages;
  if (pages.length !== 1 || first === undefined || first.compression !== 1 || first.offsets.length !== 1) {
    return pages;
  }
  const count = /^ImageJ=[^]*?^images=(\d+)/m.exec(first.description)?.[1];
  const bytes = Math.ceil((first.width * first.height * first.samples * first.bits) / 8);
  const images = Number(count ?? 1);
  const [start] = first.offsets as [number];
  if (!(images > 1) || start + images * bytes > size) return pages;
  return Array.from({ length: images }, (_, i) => ({
    ...first,
    offsets: [start + i * bytes],
    lengths: [bytes],
  }));
}

/** An empty array for a page's samples. */
function makeSamples({ bits, format }: TiffPage, length: number): StoredSamples {
  if (format === 'float') return bits === 64 ? new Float64Array(length) : new Float32Array(length);
  if (format === 'int') {
    return bits === 8 ? new Int8Array(length) : bits === 16 ? new Int16Array(length) : new Int32Array(length);
  }
  return bits <= 8 ? new Uint8Array(length) : bits <= 16 ? new Uint16Array(length) : new Uint32Array(length);
}

/** The bytes of a decoded block as numbers, after undoing the predictor. */
function samplesOf(
  bytes: Uint8Array,
  page: TiffPage,
  width: number,
  samples: number,
  rows: number,
  little: boolean,
): StoredSamples {
  const { bits, predictor } = page;
  const perRow = width * samples;
  const out = makeSamples(page, perRow * rows);
  if (bits < 8 || (bits > 8 && bits < 16)) {
    // A byte contains several samples, the first in the highest bits. Every row starts at a new byte.
    const rowBytes = Math.ceil((perRow * bits) / 8);
    for (let y = 0; y < rows; y++) {
      let held = 0;
      let buffer = 0;
      for (let x = 0, at = y * rowBytes; x < perRow; x++) {
        while (held < bits) {
          buffer = ((buffer << 8) | bytes[at++]!) & 0xffffff;
          held += 8;
        }
        held -= bits;
        out[y * perRow + x] = (buffer >>> held) & ((1 << bits) - 1);
      }
    }
    return out;
  }
  if (predictor === 3) {
    undoFloatPredictor(bytes, page, perRow, samples, rows, out);
    return out;
  }
  if (bits === 16 && page.format === 'float') {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < out.length; i++) out[i] = fromHalf(view.getUint16(2 * i, little));
    return out;
  }
  const raw = new Uint8Array(out.buffer);
  raw.set(bytes.subarray(0, raw.length));
  if (!little) swapBytes(raw, bits / 8);
  if (predictor === 2) undoDifferences(out, page, perRow, samples, rows);
  return out;
}

/** Assumes that this machine is little-endian, like nearly all machines that run Node. */
function swapBytes(bytes: Uint8Array, size: number): void {
  if (size === 1) return;
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

/** Each sample is stored as the difference from that of the previous pixel (TIFF 6.0, section 14). */
function undoDifferences(
  out: StoredSamples,
  { bits, format }: TiffPage,
  perRow: number,
  samples: number,
  rows: number,
): void {
  // Differences of floating-point samples are computed on their bits as integers.
  const values =
    format === 'float' ? (bits === 64 ? undefined : new Uint32Array(out.buffer)) : (out as Uint8Array);
  if (values === undefined) return;
  for (let y = 0; y < rows; y++) {
    const end = (y + 1) * perRow;
    for (let i = y * perRow + samples; i < end; i++) values[i] = values[i]! + values[i - samples]!;
  }
}

/** The bytes of each row are ordered by significance, then stored as differences (Adobe's TIFF technical note 3). */
function undoFloatPredictor(
  bytes: Uint8Array,
  { bits }: TiffPage,
  perRow: number,
  samples: number,
  rows: number,
  out: StoredSamples,
): void {
  const size = bits / 8;
  const rowBytes = perRow * size;
  const row = new Uint8Array(rowBytes);
  const sorted = new Uint8Array(rowBytes);
  const view = new DataView(sorted.buffer);
  for (let y = 0; y < rows; y++) {
    row.set(bytes.subarray(y * rowBytes, (y + 1) * rowBytes));
    for (let i = samples; i < rowBytes; i++) row[i] = row[i]! + row[i - samples]!;
    for (let x = 0; x < perRow; x++) {
      for (let b = 0; b < size; b++) sorted[x * size + b] = row[b * perRow + x]!;
      out[y * perRow + x] =
        size === 2
          ? fromHalf(view.getUint16(2 * x))
          : size === 4
            ? view.getFloat32(4 * x)
            : view.getFloat64(8 * x);
    }
  }
}

/** A 16-bit floating-point number (IEEE 754). */
function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction > 0 ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
