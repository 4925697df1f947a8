/** Writes TIFF 6.0 with deflate: the masks of a stack as pages of palette indices; images of any number of channels. */
import { deflateSync } from 'node:zlib';
import type { PixelSize } from '../../objects/index.js';
import type { ClassMask, Raster } from '../raster.js';

const SHORT = 3;
const LONG = 4;
const ASCII = 2;
const RATIONAL = 5;
/** Denominator of densities. */
const PIXELS = 1_000_000;

type Entry = readonly [tag: number, type: number, count: number, value: number];

/** A TIFF whose pages are masks with a common palette (RGB triples by class). ImageJ opens it as a stack. */
export function encodeMaskStack(masks: readonly ClassMask[], palette: Uint8Array): Uint8Array {
  const parts: Buffer[] = [Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0])];
  let size = 8;
  const push = (bytes: Uint8Array): number => {
    // Offsets must be even.
    const padded = bytes.length % 2 === 0 ? Buffer.from(bytes) : Buffer.concat([bytes, Buffer.alloc(1)]);
    parts.push(padded);
    size += padded.length;
    return size - padded.length;
  };
  const colours = Buffer.alloc(3 * 256 * 2);
  for (let i = 0; 3 * i < palette.length; i++) {
    for (let c = 0; c < 3; c++) colours.writeUInt16LE(palette[3 * i + c]! * 257, 2 * (256 * c + i));
  }
  const colourMap = push(colours);
  const text = Buffer.from(`ImageJ=1.54f\nimages=${masks.length}\nslices=${masks.length}\n\0`, 'latin1');
  const description = push(text);
  let link: { readonly part: Buffer; readonly at: number } = { part: parts[0]!, at: 4 };
  masks.forEach(({ width, height, data }, page) => {
    const packed = deflateSync(data);
    const strip = push(packed);
    const entries: Entry[] = [
      [256, LONG, 1, width],
      [257, LONG, 1, height],
      [258, SHORT, 1, 8],
      [259, SHORT, 1, 8],
      [262, SHORT, 1, 3],
      ...(page === 0 ? [[270, ASCII, text.length, description] as const] : []),
      [273, LONG, 1, strip],
      [277, SHORT, 1, 1],
      [278, LONG, 1, height],
      [279, LONG, 1, packed.length],
      [320, SHORT, 3 * 256, colourMap],
    ];
    const directory = directoryOf(entries);
    link.part.writeUInt32LE(push(directory), link.at);
    link = { part: parts[parts.length - 1]!, at: directory.length - 4 };
  });
  return Buffer.concat(parts);
}

/** A label image with the size of its pixels, as ImageJ reads it. */
export function encodeLabelTiff(labels: Raster, pixelSize?: PixelSize): Uint8Array {
  const unit = pixelSize === undefined ? '' : `unit=${pixelSize.unit === 'um' ? 'micron' : pixelSize.unit}\n`;
  return encodeImageTiff(labels, { description: `ImageJ=1.54f\nimages=1\n${unit}`, pixelSize });
}

interface TiffNotes {
  readonly description?: string;
  /** Written as pixels per unit. */
  readonly pixelSize?: PixelSize | undefined;
}

/** An image of any number of channels as a TIFF of one page: 8 or 16 bits, or 32-bit floating point. */
export function encodeImageTiff(
  { width, height, channels, data }: Raster,
  { description, pixelSize }: TiffNotes = {},
): Uint8Array {
  const packed = deflateSync(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const bits = 8 * data.BYTES_PER_ELEMENT;
  const shorts = (value: number, count: number): Buffer => {
    const bytes = Buffer.alloc(2 * count);
    for (let i = 0; i < count; i++) bytes.writeUInt16LE(value, 2 * i);
    return bytes;
  };
  // Longer lists are written before the directory; one or two numbers fit into the entry.
  const lists: Buffer[] = [];
  let size = 8;
  const list = (tag: number, value: number, count: number): Entry => {
    if (count <= 2) return [tag, SHORT, count, count === 1 ? value : value * 0x10001];
    lists.push(shorts(value, count));
    size += 2 * count;
    return [tag, SHORT, count, size - 2 * count];
  };
  const bytes = (tag: number, type: number, count: number, content: Buffer): Entry => {
    const padded = content.length % 2 === 0 ? content : Buffer.concat([content, Buffer.alloc(1)]);
    lists.push(padded);
    size += padded.length;
    return [tag, type, count, size - padded.length];
  };
  const text = Buffer.from(`${description ?? ''}\0`, 'latin1');
  const note = description === undefined ? [] : [bytes(270, ASCII, text.length, text)];
  const density = (tag: number): Entry => {
    const fraction = Buffer.alloc(8);
    fraction.writeUInt32LE(Math.round(PIXELS / pixelSize!.size));
    fraction.writeUInt32LE(PIXELS, 4);
    return bytes(tag, RATIONAL, 1, fraction);
  };
  const densities = pixelSize === undefined ? [] : [density(282), density(283)];
  const noUnit: Entry[] = pixelSize === undefined ? [] : [[296, SHORT, 1, 1]];
  const colours = channels >= 3 && bits !== 32 ? 3 : 1;
  const bitsEntry = list(258, bits, channels);
  const extra = channels > colours ? [list(338, 0, channels - colours)] : [];
  const format = list(339, bits === 32 ? 3 : 1, channels);
  const strip = size;
  const padded = packed.length % 2 === 0 ? packed : Buffer.concat([packed, Buffer.alloc(1)]);
  const directory = directoryOf([
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    bitsEntry,
    [259, SHORT, 1, 8],
    [262, SHORT, 1, colours === 3 ? 2 : 1],
    ...note,
    [273, LONG, 1, strip],
    [277, SHORT, 1, channels],
    [278, LONG, 1, height],
    [279, LONG, 1, packed.length],
    ...densities,
    ...noUnit,
    ...extra,
    format,
  ]);
  const header = Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0]);
  header.writeUInt32LE(strip + padded.length, 4);
  return Buffer.concat([header, ...lists, padded, directory]);
}

/** The bytes of a directory without a link to a next one. */
function directoryOf(entries: readonly Entry[]): Buffer {
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16LE(entries.length, 0);
  entries.forEach(([tag, type, count, value], i) => {
    const at = 2 + 12 * i;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(type, at + 2);
    directory.writeUInt32LE(count, at + 4);
    directory.writeUInt32LE(value, at + 8);
  });
  return directory;
}
