/**
 * Segments images that are too large for memory. Pixels are read from a file tile by tile, and results are written
 * strip by strip. Memory does not grow with the height of the image, except that cleaning and outlines need the
 * whole mask in memory to find connected components.
 */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeImage } from '../images/encode.js';
import { overlay } from '../images/overlay.js';
import { PixelFile } from '../images/pixel-file.js';
import { PngMaskWriter } from '../images/png-write.js';
import { type ClassMask, makePixels, maxValueOf, type PixelValues, type Raster } from '../images/raster.js';
import { energyBytes, type PixelSize } from '../objects/index.js';
import { writeOutputFile } from '../files/index.js';
import { cleanPrediction } from './clean-prediction.js';
import { isCleaned } from './components.js';
import { NpyPlanesWriter } from './npy.js';
import { objectOutlines, writeObjects } from './object-files.js';
import type { RasterSegmenter } from './raster-segmenter.js';
import type { FileSegmentOptions } from './segmentation.js';
import type { ResultPaths } from './result-files.js';
import { overlayOptions, paletteOf } from './pictures.js';
import { writeClassMask, writeOutlines } from './result-files.js';
import { objectsIn } from './segmented-objects.js';
import type { PixelSource } from './tiling.js';
import type { MaskStrip } from './views.js';
import { maskInViews } from './views.js';

/** Overlays of large images are reduced to at most this many pixels on the longer side. */
export const LARGE_OVERLAY_SIDE = 4096;

export interface LargeResult {
  readonly width: number;
  readonly height: number;
  /** Time from pixels to written results, without decoding. */
  readonly seconds: number;
}

interface LargeOptions extends FileSegmentOptions {
  readonly tile: number;
  readonly pixelSize?: PixelSize | undefined;
}

/**
 * Segments the image at `file` and writes the files in `paths`. Their values equal those of an image segmented in
 * memory with the same tiles; only the overlay is smaller. The decoded pixels are kept temporarily in a file in
 * the folder of the mask.
 *
 * @throws what reading, segmenting and writing one image throws; after an error, none of the files exist.
 */
export async function segmentLargeFile(
  segmenter: RasterSegmenter,
  file: string,
  paths: ResultPaths & { readonly mask: string },
  options: LargeOptions,
): Promise<LargeResult> {
  const pixels = await PixelFile.decode(file, dirname(paths.mask), { channels: segmenter.card.channels });
  const written: string[] = [];
  try {
    const started = performance.now();
    const { width, height } = pixels;
    await writeOutputFile(paths.mask, async (handle) => {
      const mask = new PngMaskWriter(handle, width, height, paletteOf(segmenter.card));
      try {
        await writeStrips(segmenter, pixels, file, paths, options, mask, written);
        await mask.end();
      } catch (error) {
        await mask.abort();
        throw error;
      }
    });
    return { width, height, seconds: (performance.now() - started) / 1000 };
  } catch (error) {
    await Promise.all(written.map((path) => rm(path, { force: true })));
    throw error;
  } finally {
    await pixels.close();
  }
}

/** Writes the mask's rows to `mask`, and all other files. Adds their paths to `written`. */
async function writeStrips(
  segmenter: RasterSegmenter,
  pixels: PixelFile,
  file: string,
  paths: ResultPaths,
  options: LargeOptions,
  mask: PngMaskWriter,
  written: string[],
): Promise<void> {
  const { card } = segmenter;
  const { width, height } = pixels;
  // Objects are found in the whole image, of which a byte a pixel of each is kept: class, energy, probability.
  const energy = card.objects && new Uint8Array(width * height);
  const likely = card.objects && new Uint8Array(width * height);
  const cleaned = isCleaned(options) || energy !== undefined;
  const whole =
    cleaned || paths.outlines !== undefined || paths.classes !== undefined
      ? new Uint8Array(width * height)
      : undefined;
  const thumbnail = paths.overlay === undefined ? undefined : new Thumbnail(pixels);
  const writeRows = async (top: number, classes: Uint8Array): Promise<void> => {
    await mask.write(classes);
    await thumbnail?.add(top, classes);
  };
  const segment = (probabilities?: NpyPlanesWriter): Promise<void> => {
    const take = async (strip: MaskStrip): Promise<void> => {
      await probabilities?.write(strip.top, strip.probabilities);
      whole?.set(strip.classes, strip.top * width);
      if (energy) {
        energyBytes(strip.separation!, energy.subarray(strip.top * width));
        addLikelihoods(strip, likely!.subarray(strip.top * width));
      }
      if (!cleaned) await writeRows(strip.top, strip.classes);
    };
    return maskInViews(segmenter, pixels, options, take, file);
  };
  if (paths.probabilities === undefined) await segment();
  else {
    const shape = [card.classes.length, height, width] as const;
    await writeOutputFile(paths.probabilities, (handle) => segment(new NpyPlanesWriter(handle, shape)));
    written.push(paths.probabilities);
  }
  if (whole) {
    const raw = { width, height, data: whole };
    const found = energy && objectsIn(raw, energy, (i) => likely![i]! / 255, options);
    const final = found?.mask ?? cleanPrediction(raw, card, options);
    if (found && paths.objects !== undefined) {
      await writeObjects(
        paths.objects,
        paths.objectTable!,
        found.objects,
        card.classes,
        // Its pixels may not fit into memory.
        undefined,
        options.pixelSize,
      );
      written.push(paths.objects, paths.objectTable!);
    }
    if (cleaned) {
      for (let top = 0; top < height; top += ROWS_AT_ONCE) {
        await writeRows(top, final.data.subarray(top * width, (top + ROWS_AT_ONCE) * width));
      }
    }
    for (const [k, path] of (paths.classes ?? []).entries()) {
      await writeClassMask(path, final, k);
      written.push(path);
    }
    if (paths.outlines !== undefined) {
      if (found) {
        const outlines = objectOutlines(paths.outlines, found.objects, card.classes, file);
        await writeOutputFile(paths.outlines, JSON.stringify(outlines));
      } else await writeOutlines(paths.outlines, final, card, file);
      written.push(paths.outlines);
    }
  }
  if (thumbnail) {
    await writeImage(paths.overlay!, await overlay(thumbnail.image, thumbnail.mask, overlayOptions(card)));
    written.push(paths.overlay!);
  }
}

/** The probability of each pixel's class, 0 … 255. */
function addLikelihoods({ classes, probabilities: { channels, data } }: MaskStrip, to: Uint8Array): void {
  for (let i = 0; i < classes.length; i++) {
    const value = classes[i]!;
    const p = channels > 1 ? data[value * classes.length + i]! : value === 1 ? data[i]! : 1 - data[i]!;
    to[i] = Math.round(255 * p);
  }
}

/** Number of rows per write of a mask that is completely in memory. */
const ROWS_AT_ONCE = 256;

/** Every n-th pixel of the image and the mask, collected while the mask is computed. */
class Thumbnail {
  private readonly step: number;
  private readonly width: number;
  private readonly height: number;
  private readonly classes: Uint8Array;
  private pixels: PixelValues | undefined;
  private channels = 0;

  constructor(private readonly source: PixelSource) {
    const { width, height } = source;
    this.step = Math.ceil(Math.max(width, height) / LARGE_OVERLAY_SIDE);
    // Rounding down keeps the sampled middle of each step inside the image.
    const along = (size: number) => Math.max(1, Math.floor(size / this.step));
    this.width = along(width);
    this.height = along(height);
    this.classes = new Uint8Array(this.width * this.height);
  }

  /** Adds mask rows starting at `top`. */
  async add(top: number, classes: Uint8Array): Promise<void> {
    const rows = classes.length / this.source.width;
    for (let y = 0; y < this.height; y++) {
      const row = Math.min(this.source.height - 1, y * this.step + (this.step >> 1));
      if (row < top || row >= top + rows) continue;
      const line = await this.source.rows(row, 1);
      this.channels = line.channels;
      this.pixels ??= makePixels(maxValueOf(line.data), this.classes.length * line.channels);
      for (let x = 0; x < this.width; x++) {
        const column = Math.min(this.source.width - 1, x * this.step + (this.step >> 1));
        const to = y * this.width + x;
        this.classes[to] = classes[(row - top) * this.source.width + column]!;
        for (let c = 0; c < line.channels; c++) {
          this.pixels[to * line.channels + c] = line.data[column * line.channels + c]!;
        }
      }
    }
  }

  get image(): Raster {
    return { width: this.width, height: this.height, channels: this.channels, data: this.pixels! };
  }

  get mask(): ClassMask {
    return { width: this.width, height: this.height, data: this.classes };
  }
}
