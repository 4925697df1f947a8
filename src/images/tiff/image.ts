/** TIFF pages as images and as masks. */
import { PixelwiseError } from '../../errors/index.js';
import { type ByteReader, checkExpansion, checkPixelCount } from '../image-source.js';
import { isTurned, upright } from '../orientation.js';
import { makePixels, maxValueOf, type MaxValue, type PixelValues, type Raster } from '../raster.js';
import { PALETTE, RGB, type TiffPage, WHITE_IS_ZERO } from './directory.js';
import { type StoredSamples, TiffFile } from './reader.js';
import { type PageStructure, structureOf } from './structure.js';

/** Which pages are the picture: one page by its number, or all pages as its channels. */
export type PageChoice = number | 'channels';

/** Properties of a picture, from the directories of the file. */
export interface TiffLayout {
  /** After applying the orientation. */
  readonly width: number;
  readonly height: number;
  /** Without alpha. */
  readonly channels: number;
  readonly maxValue: MaxValue;
  /** True if there is one more channel, marked as alpha. */
  readonly alpha: boolean;
  readonly orientation: number;
  readonly whiteIsZero: boolean;
}

export interface TiffOptions {
  /** Which picture, if the file contains several. Default: the first. */
  readonly page?: PageChoice | undefined;
  /** Keeps a channel marked as alpha if the picture has this number of channels only with it. */
  readonly channels?: number | undefined;
  readonly maxPixels?: number | undefined;
}

/** A picture of a TIFF file. */
export class TiffImage {
  private constructor(
    readonly file: TiffFile,
    private readonly chosen: readonly TiffPage[],
    readonly structure: PageStructure,
  ) {}

  static async open(name: string, read: ByteReader, size: number, choice?: PageChoice): Promise<TiffImage> {
    const file = await TiffFile.open(name, read, size);
    const structure = structureOf(file.pages);
    const numbers = choice === 'channels' ? file.pages.map((_, i) => i) : structure.pictures[choice ?? 0];
    if (numbers === undefined) {
      throw new PixelwiseError(
        'image-page',
        `${name} has no picture ${choice}; its pictures are numbered from 0 to ${structure.pictures.length - 1}.`,
      );
    }
    const chosen = numbers.map((i) => file.pages[i]!);
    return new TiffImage(file, chosen, structure);
  }

  get page(): TiffPage {
    return this.chosen[0]!;
  }

  /** True if libvips must decode it: JPEG, CCITT, CMYK, YCbCr and Lab. */
  get isLeftToVips(): boolean {
    return this.file.isLeftToVips(this.page);
  }

  layout(channels?: number): TiffLayout {
    const { page, chosen } = this;
    const { width, height, orientation, photometric, bits, format, samples } = page;
    const turned = isTurned(orientation);
    const colours = photometric === PALETTE ? 3 : samples;
    const alpha = chosen.length === 1 && hasAlpha(page);
    return {
      width: turned ? height : width,
      height: turned ? width : height,
      channels: chosen.length * colours - (alpha && channels !== samples ? 1 : 0),
      maxValue: format !== 'uint' || bits > 16 ? 1 : bits > 8 ? 65535 : 255,
      alpha,
      orientation,
      whiteIsZero: photometric === WHITE_IS_ZERO,
    };
  }

  /** The picture as it is displayed: white-is-zero inverted, palette colours looked up, turned upright. */
  async raster({ channels, maxPixels }: TiffOptions = {}): Promise<Raster> {
    const { page, file } = this;
    checkPixelCount(file.name, page.width, page.height, maxPixels);
    for (const each of this.chosen) {
      file.checkReadable(each);
      file.checkPromise(each);
    }
    const samples = this.chosen.reduce((sum, each) => sum + each.samples, 0);
    checkExpansion(file.name, file.size, page.width, page.height, samples);
    return upright(await this.rows(0, page.height, channels), page.orientation);
  }

  /** Rows of the picture as stored, not turned. */
  async rows(top: number, rows: number, channels?: number): Promise<Raster> {
    const planes: Raster[] = [];
    for (const page of this.chosen) {
      const samples = await this.file.rows(page, top, rows);
      const values = shown(samples, page);
      const stored = page.photometric === PALETTE ? 3 : page.samples;
      const raster = { width: page.width, height: rows, channels: stored, data: values };
      planes.push(
        hasAlpha(page) && (this.chosen.length > 1 || channels !== page.samples)
          ? withoutLast(raster)
          : raster,
      );
    }
    return planes.length === 1 ? planes[0]! : interleaved(planes);
  }

  /** The samples of the first page as stored, turned upright. */
  async stored(): Promise<{
    readonly width: number;
    readonly height: number;
    readonly channels: number;
    readonly data: StoredSamples;
  }> {
    const { page, file } = this;
    checkPixelCount(file.name, page.width, page.height);
    const { width, height, samples: channels } = page;
    return upright({ width, height, channels, data: await file.rows(page) } as never, page.orientation);
  }
}

/** Whether the last sample is marked as alpha and is the only one after grey or RGB. */
export function hasAlpha({ photometric, samples, extraSamples }: TiffPage): boolean {
  const colours = photometric === RGB ? 3 : 1;
  return samples === colours + 1 && (extraSamples[0] === 1 || extraSamples[0] === 2);
}

/** Samples as programs display them. */
function shown(samples: StoredSamples, page: TiffPage): PixelValues {
  const { bits, photometric, palette } = page;
  if (photometric === PALETTE) {
    const out = new Uint8Array(samples.length * 3);
    for (let i = 0; i < samples.length; i++) {
      for (let c = 0; c < 3; c++) out[3 * i + c] = palette![3 * samples[i]! + c] ?? 0;
    }
    return out;
  }
  if (!(samples instanceof Uint8Array || samples instanceof Uint16Array)) {
    return samples instanceof Float32Array ? finite(samples) : finite(Float32Array.from(samples));
  }
  // Samples of fewer than 8 bits are scaled to 0…255; those of 10 to 14 bits stay as they are.
  const gain = bits < 8 ? 255 / (2 ** bits - 1) : 1;
  const top = bits <= 8 ? 255 : 2 ** bits - 1;
  const inverted = photometric === WHITE_IS_ZERO;
  if (gain !== 1 || inverted) {
    for (let i = 0; i < samples.length; i++) {
      const value = samples[i]! * gain;
      samples[i] = inverted ? top - value : value;
    }
  }
  return samples;
}

/** NaN (no data, in maps) becomes 0, because it would turn every result that depends on it into NaN. */
function finite(values: Float32Array): Float32Array {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) values[i] = 0;
  return values;
}

function withoutLast({ width, height, channels, data }: Raster): Raster {
  const kept = channels - 1;
  const out = data.slice(0, width * height * kept);
  for (let i = 0, to = 0; to < out.length; i += channels) {
    for (let c = 0; c < kept; c++) out[to++] = data[i + c]!;
  }
  return { width, height, channels: kept, data: out };
}

/** Combines the channels of several pictures of the same size into one picture. */
function interleaved(parts: readonly Raster[]): Raster {
  const { width, height } = parts[0]!;
  const channels = parts.reduce((sum, part) => sum + part.channels, 0);
  const length = width * height * channels;
  const kinds = parts.map((part) => maxValueOf(part.data));
  const data = makePixels(kinds.includes(1) ? 1 : Math.max(...kinds), length);
  let at = 0;
  for (const part of parts) {
    for (let i = 0, from = 0; i < width * height; i++) {
      for (let c = 0; c < part.channels; c++) data[i * channels + at + c] = part.data[from++]!;
    }
    at += part.channels;
  }
  return { width, height, channels, data };
}
