/** Decodes image files to pixels. Masks are decoded by decode-mask.ts, which keeps palette indices. */
import type { Sharp } from 'sharp';
import { PixelwiseError } from '../errors/index.js';
import { bmpToRaster, decodeBmp } from './bmp.js';
import { decodeShared } from './decode-cache.js';
import {
  type ByteReader,
  checkExpansion,
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
} from './image-source.js';
import { decodePnm, pnmToRaster } from './pnm.js';
import { type MaxValue, maxValueOf, type Raster } from './raster.js';
import { loadSharp } from './sharp.js';
import { type PageChoice, TiffImage } from './tiff/image.js';
import type { PageStructure } from './tiff/structure.js';

export interface DecodeOptions {
  /**
   * Larger images are rejected after reading the header, before memory is allocated; default {@link MAX_PIXELS}.
   */
  readonly maxPixels?: number | undefined;
  /**
   * Expected number of channels. Alpha is dropped unless the image has this many channels only with it: a fourth
   * band marked as alpha may be the near-infrared band.
   */
  readonly channels?: number | undefined;
  /** Page of a multi-page TIFF, or all pages as channels of one image. Default the first. */
  readonly page?: PageChoice | undefined;
}

/**
 * Decodes an image file (or its bytes) to the displayed values: 8 or 16 bits, or unscaled numbers (signed, 32-bit
 * and floating-point TIFFs); grey (1 channel), RGB (3), or all channels of a TIFF. Palettes and CMYK are
 * converted to RGB, white-is-zero TIFFs are inverted, the EXIF orientation is applied, and only the first frame
 * of an animation is read. Embedded colour profiles are not applied.
 *
 * @throws PixelwiseError `image-unreadable`, `image-empty`, `image-format`, `image-too-large`, `image-damaged`,
 *   `image-codec` (unsupported compression), `image-depth`.
 */
export function decodeImage(source: string | Uint8Array, options: DecodeOptions = {}): Promise<Raster> {
  return decodeShared(source, 'image', options, () => decode(source, options));
}

async function decode(source: string | Uint8Array, options: DecodeOptions): Promise<Raster> {
  const image = { ...(await readImage(source)), maxPixels: options.maxPixels };
  if (image.format === 'bmp') return bmpToRaster(decodeBmp(image));
  if (image.format === 'pnm') return pnmToRaster(decodePnm(image));
  if (image.format === 'tiff') {
    const tiff = await openTiff(image, options.page);
    if (!tiff.isLeftToVips) return tiff.raster(options);
  }
  return decodeWithSharp(image, options.channels);
}

/** Reads the directories of a TIFF in memory. */
export function openTiff({ name, bytes }: ImageBytes, page?: PageChoice): Promise<TiffImage> {
  return TiffImage.open(name, readerOf(bytes), bytes.length, page);
}

const metadataOf = async (input: Uint8Array | string) =>
  (await loadSharp())(input, { limitInputPixels: false, ignoreIcc: true }).metadata();

export interface Layout extends ImageHeader {
  readonly isCmyk: boolean;
}

/** An input for sharp, with its format and first bytes. */
export interface SharpSource {
  /** Name for error messages. */
  readonly name: string;
  readonly format: ImageFormat;
  /** The first bytes: at least 64 KiB, or all there are. */
  readonly head: Uint8Array;
  /** All bytes of the image, or the path of a file. */
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

/** Like {@link decodeImage}, for bytes in one of sharp's formats. */
export async function decodeWithSharp(image: ImageBytes, channels?: number): Promise<Raster> {
  const source = sharpSource(image);
  const layout = await readLayout(source);
  checkPixelCount(image.name, layout.width, layout.height, image.maxPixels);
  checkExpansion(image.name, image.bytes.length, layout.width, layout.height, layout.channels);
  const wide = layout.bitDepth === 16;
  const pipeline = await pixelPipeline(source, layout, image.maxPixels ?? MAX_PIXELS, channels);
  pipeline.raw({ depth: wide ? 'ushort' : 'uchar' });
  const { data, info } = await explainErrors(source, pipeline.toBuffer({ resolveWithObject: true }));
  return {
    width: info.width,
    height: info.height,
    channels: info.channels,
    data: wide ? asUint16(data) : data,
  };
}

/** The sharp pipeline that decodes a file; the caller chooses the output. */
export async function pixelPipeline(
  { input, format }: SharpSource,
  layout: Layout,
  limit: number | false,
  channels?: number,
): Promise<Sharp> {
  const wide = layout.bitDepth === 16;
  const sharp = await loadSharp();
  const pipeline = sharp(input, {
    // Without `error`, libvips returns black where libtiff cannot decode.
    failOn: format === 'tiff' ? 'error' : 'truncated',
    limitInputPixels: limit,
    // CMYK cannot be converted without its profile. For other images profiles are ignored.
    ignoreIcc: !layout.isCmyk,
  });
  pipeline.autoOrient();
  if (layout.isCmyk || layout.channels !== channels) pipeline.removeAlpha();
  if (layout.channels <= 2 && !layout.isCmyk) pipeline.toColourspace(wide ? 'grey16' : 'b-w');
  else pipeline.toColourspace(wide ? 'rgb16' : 'srgb');
  return pipeline;
}

/** Description of the result of {@link decodeImage}, from the header only. */
export interface ImageInfo {
  readonly format: ImageFormat;
  /** Width and height after the EXIF orientation is applied. */
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly maxValue: MaxValue;
  /** EXIF orientation, 1 (upright) … 8. */
  readonly orientation: number;
  /** Whether the file has an alpha channel. `decodeImage` drops it unless `channels` includes it. */
  readonly alpha: boolean;
  /** Whether a TIFF displays 0 as white. `decodeImage` inverts it. */
  readonly whiteIsZero: boolean;
  /** Structure of a multi-page TIFF. */
  readonly pages?: PageStructure;
}

/**
 * Describes an image without decoding its pixels.
 * @throws as {@link decodeImage}, for unreadable headers.
 */
export async function describeImage(
  source: string | Uint8Array,
  options: Pick<DecodeOptions, 'channels' | 'page'> = {},
): Promise<ImageInfo> {
  const image = await readImage(source);
  const { format, name } = image;
  if (format === 'bmp' || format === 'pnm') {
    const raster = format === 'bmp' ? bmpToRaster(decodeBmp(image)) : pnmToRaster(decodePnm(image));
    const { width, height, channels } = raster;
    const maxValue = maxValueOf(raster.data);
    return { format, width, height, channels, maxValue, orientation: 1, alpha: false, whiteIsZero: false };
  }
  if (format === 'tiff') {
    const tiff = await openTiff(image, options.page);
    if (!tiff.isLeftToVips) {
      tiff.file.checkReadable(tiff.page);
      const layout = tiff.layout(options.channels);
      checkPixelCount(name, layout.width, layout.height);
      return { format, ...layout, ...(tiff.file.pages.length > 1 && { pages: tiff.structure }) };
    }
  }
  const bytes = sharpSource(image);
  const layout = await readLayout(bytes);
  checkPixelCount(name, layout.width, layout.height);
  const metadata = await explainErrors(bytes, metadataOf(image.bytes));
  const colours = layout.channels <= 2 ? 1 : 3;
  const alpha = !layout.isCmyk && layout.channels > colours;
  return {
    format,
    width: metadata.autoOrient.width,
    height: metadata.autoOrient.height,
    channels: alpha && layout.channels === options.channels ? layout.channels : colours,
    maxValue: layout.bitDepth === 16 ? 65535 : 255,
    orientation: metadata.orientation ?? 1,
    alpha,
    whiteIsZero: false,
  };
}

/** Converts libvips' errors to `image-damaged` errors that name the file and say what to do. */
export async function explainErrors<T>(
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

/** Reads the header. JPEG and PNG are parsed here, which avoids a trip through the thread pool. */
export async function readLayout(image: SharpSource): Promise<Layout> {
  if (image.format === 'jpeg') {
    const header = jpegHeader(image.head);
    if (header?.bitDepth === 8) return { ...header, isCmyk: header.channels === 4 };
  }
  if (image.format === 'png') {
    const header = pngHeader(image.head);
    if (header?.palette === true) return { ...header, channels: 3, bitDepth: 8, isCmyk: false };
    if (header !== undefined) return { ...header, isCmyk: false };
  }
  const { width, height, channels, depth, space } = await explainErrors(image, metadataOf(image.input));
  if (depth !== 'uchar' && depth !== 'ushort') {
    throw new PixelwiseError(
      'image-depth',
      `${image.name}: its pixels have the type ${depth}; only 8 or 16 bits per channel can be read. ` +
        'Scale the values to 0…65535 and save the file as a 16-bit TIFF or PNG.',
    );
  }
  return { width, height, channels, bitDepth: depth === 'uchar' ? 8 : 16, isCmyk: space === 'cmyk' };
}

function asUint16(data: Buffer): Uint16Array {
  if (data.byteOffset % 2 === 0) return new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  return new Uint16Array(Uint8Array.from(data).buffer);
}
