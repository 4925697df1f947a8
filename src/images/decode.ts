/** Files to pixels, for images. Masks have a decoder of their own (decode-mask.ts) that keeps indices. */
import sharp, { type Sharp } from 'sharp';
import { PixelwiseError } from '../errors/index.js';
import { bmpToRaster, decodeBmp } from './bmp.js';
import {
  type ByteReader,
  checkPixelCount,
  damaged,
  type ImageBytes,
  type ImageFormat,
  type ImageHeader,
  jpegHeader,
  MAX_PIXELS,
  pngHeader,
  readerOf,
  readImage,
  tiffHasAlpha,
} from './image-source.js';
import type { Raster } from './raster.js';

// Every file is read once an epoch, from bytes: libvips' cache of operations would only hold memory.
sharp.cache(false);

export interface DecodeOptions {
  /** Larger images are refused by their header, before memory is taken; default {@link MAX_PIXELS}. */
  readonly maxPixels?: number;
}

/**
 * Decodes an image file (or its bytes) to the values it holds: 8 or 16 bits, grey (1 channel), RGB (3), or
 * as many channels as a TIFF carries. Alpha is dropped, CMYK becomes RGB, an EXIF orientation is applied,
 * an animation gives its first frame and a TIFF its first page. Embedded colour profiles are not applied.
 *
 * Throws PixelwiseError naming the file: `image-unreadable`, `image-empty`, `image-format`,
 * `image-too-large`, `image-damaged`, `image-depth` (floating-point pixels).
 */
export async function decodeImage(source: string | Uint8Array, options: DecodeOptions = {}): Promise<Raster> {
  const image = { ...(await readImage(source)), ...options };
  if (image.format === 'bmp') return bmpToRaster(decodeBmp(image));
  return decodeWithSharp(image);
}

/** More bands than this in one TIFF are refused. */
const MAX_CHANNELS = 64;

const HEADER_ONLY = { limitInputPixels: false, limitInputChannels: MAX_CHANNELS, ignoreIcc: true } as const;

export interface Layout extends ImageHeader {
  /** `colour` goes through RGB or grey without alpha; `bands` are kept as they are. */
  readonly kind: 'colour' | 'cmyk' | 'bands';
}

/** What sharp is to read, with what its first bytes tell. */
export interface SharpSource {
  /** For messages. */
  readonly name: string;
  readonly format: ImageFormat;
  /** The first bytes: at least 64 KiB, or all there are. */
  readonly head: Uint8Array;
  /** Bytes of a whole image, or the path of a file. */
  readonly input: Uint8Array | string;
  readonly read: ByteReader;
}

const sharpSource = ({ name, format, bytes }: ImageBytes): SharpSource => ({
  name,
  format,
  head: bytes,
  input: bytes,
  read: readerOf(bytes),
});

/** As {@link decodeImage}, for bytes already read and recognised as one of sharp's formats. */
export async function decodeWithSharp(image: ImageBytes): Promise<Raster> {
  const source = sharpSource(image);
  const layout = await readLayout(source);
  checkPixelCount(image.name, layout.width, layout.height, image.maxPixels);
  const wide = layout.bitDepth === 16;
  const pipeline = pixelPipeline(source, layout, image.maxPixels ?? MAX_PIXELS).raw({
    depth: wide ? 'ushort' : 'uchar',
  });
  const { data, info } = await explained(source, pipeline.toBuffer({ resolveWithObject: true }));
  const { width, height, channels } = info;
  const values = wide ? asUint16(data) : data;
  return withoutRepeats({ width, height, channels, data: values }, layout);
}

/** The steps from a file to its values, whatever becomes of them. */
export function pixelPipeline({ input }: SharpSource, layout: Layout, limit: number | false): Sharp {
  const wide = layout.bitDepth === 16;
  const pipeline = sharp(input, {
    failOn: 'truncated',
    limitInputPixels: limit,
    limitInputChannels: MAX_CHANNELS,
    // CMYK has no meaning without its profile; everything else is taken by its numbers.
    ignoreIcc: layout.kind !== 'cmyk',
  });
  pipeline.autoOrient();
  if (layout.kind !== 'bands') pipeline.removeAlpha();
  if (layout.kind === 'colour' && layout.channels <= 2) pipeline.toColourspace(wide ? 'grey16' : 'b-w');
  else pipeline.toColourspace(wide ? 'rgb16' : 'srgb');
  return pipeline;
}

/** libvips says the first band of a many-band grey TIFF three times over, as red, green and blue. */
export function withoutRepeats(raster: Raster, layout: Layout): Raster {
  const { width, height, channels, data } = raster;
  if (layout.kind !== 'bands' || channels !== layout.channels + 2) return raster;
  return { width, height, channels: layout.channels, data: dropRepeatedBand(data, channels) };
}

/** What {@link decodeImage} will give, told from the header alone. */
export interface ImageInfo {
  readonly format: ImageFormat;
  /** After the EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** 255 or 65,535. */
  readonly maxValue: number;
  /** EXIF orientation, 1 (upright) … 8. */
  readonly orientation: number;
  /** True where the file has an alpha channel, which is dropped. */
  readonly alpha: boolean;
}

/** Describes an image without decoding its pixels. Throws as {@link decodeImage} does for unreadable headers. */
export async function describeImage(source: string | Uint8Array): Promise<ImageInfo> {
  const image = await readImage(source);
  const { format, name } = image;
  if (format === 'bmp') {
    const { width, height, channels } = bmpToRaster(decodeBmp(image));
    return { format, width, height, channels, maxValue: 255, orientation: 1, alpha: false };
  }
  const bytes = sharpSource(image);
  const layout = await readLayout(bytes);
  checkPixelCount(name, layout.width, layout.height);
  const metadata = await explained(bytes, sharp(image.bytes, HEADER_ONLY).metadata());
  const colours = layout.channels <= 2 ? 1 : 3;
  return {
    format,
    width: metadata.autoOrient.width,
    height: metadata.autoOrient.height,
    channels: layout.kind === 'bands' ? layout.channels : colours,
    maxValue: layout.bitDepth === 16 ? 65535 : 255,
    orientation: metadata.orientation ?? 1,
    alpha: layout.kind === 'colour' && layout.channels > colours,
  };
}

/** Turns libvips' complaint into one that names the file and says what to do. */
export async function explained<T>(
  image: Pick<SharpSource, 'name' | 'format'>,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message.split('\n')[0]! : String(cause);
    throw damaged(image.name, image.format.toUpperCase(), detail, cause);
  }
}

/** The two commonest formats from their first bytes, which saves a round through the thread pool. */
export async function readLayout(image: SharpSource): Promise<Layout> {
  if (image.format === 'jpeg') {
    const header = jpegHeader(image.head);
    if (header?.bitDepth === 8) return { ...header, kind: header.channels === 4 ? 'cmyk' : 'colour' };
  }
  if (image.format === 'png') {
    const header = pngHeader(image.head);
    if (header?.palette === true) return { ...header, channels: 3, bitDepth: 8, kind: 'colour' };
    if (header !== undefined) return { ...header, kind: 'colour' };
  }
  const { width, height, channels, depth, space } = await explained(
    image,
    sharp(image.input, HEADER_ONLY).metadata(),
  );
  if (depth !== 'uchar' && depth !== 'ushort') {
    throw new PixelwiseError(
      'image-depth',
      `${image.name}: its pixels are of type ${depth}; images of 8 or 16 bits a channel are read. ` +
        'Scale the values to 0…65535 and save the file as a 16-bit TIFF or PNG.',
    );
  }
  const alpha = image.format !== 'tiff' || (await tiffHasAlpha(image.read));
  const colours = space === 'cmyk' ? 4 : space === 'b-w' || space === 'grey16' ? 1 : 3;
  const isColour = channels === colours || (channels === colours + 1 && alpha);
  const kind = space === 'cmyk' ? 'cmyk' : isColour ? 'colour' : 'bands';
  return { width, height, channels, bitDepth: depth === 'uchar' ? 8 : 16, kind };
}

function dropRepeatedBand(data: Uint8Array | Uint16Array, channels: number): Uint8Array | Uint16Array {
  const pixels = data.length / channels;
  const kept = channels - 2;
  const out = data instanceof Uint16Array ? new Uint16Array(pixels * kept) : new Uint8Array(pixels * kept);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < kept; c++) out[i * kept + c] = data[i * channels + 2 + c]!;
  }
  return out;
}

function asUint16(data: Buffer): Uint16Array {
  if (data.byteOffset % 2 === 0) return new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  return new Uint16Array(Uint8Array.from(data).buffer);
}
