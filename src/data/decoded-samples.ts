/**
 * Decoded samples that patches are cut from, so that an image is decoded once and not for each of its patches. They
 * are kept in memory up to a limit, beyond it in temporary files, from which only the rows of a patch are read.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, write } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { PixelwiseError } from '../errors/index.js';
import type { Box } from '../images/resize.js';
import { makePixels, type MaskPixels, type MaxValue, type PixelValues } from '../images/raster.js';
import { classesOfCodes } from '../objects/index.js';
import type { Dataset, Sample } from './dataset.js';

/** Images decoded at the same time: each may be large. */
const DECODED_AT_ONCE = 2;

/** A decoded sample from which windows can be cut. */
interface Source {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Whether the mask has codes of objects. */
  readonly hasObjects: boolean;
  /** Copies `box.width` pixels from one row of the image and the mask to `image` and `mask`. */
  row(y: number, box: Box, image: PixelValues, mask: MaskPixels): void;
}

export class DecodedSamples {
  private readonly sources = new Map<number, Promise<Source>>();
  private readonly limit = pLimit(DECODED_AT_ONCE);
  private free: number;
  private spill: SpillFile | undefined;

  /** @param maxBytes of samples to keep in memory. */
  constructor(
    private readonly dataset: Dataset,
    maxBytes: number,
  ) {
    this.free = maxBytes;
  }

  /**
   * Cuts a window out of sample `i`.
   *
   * @param windowOf the window for the sample's size; it must lie inside. @throws what `dataset.get` throws.
   */
  async cut(i: number, windowOf: (size: { width: number; height: number }) => Box): Promise<Sample> {
    const source = await this.source(i);
    const box = windowOf(source);
    const { channels } = source;
    const { width, height } = box;
    const image = makePixels(this.dataset.maxValue as MaxValue, width * height * channels);
    const mask = source.hasObjects ? new Uint32Array(width * height) : new Uint8Array(width * height);
    for (let y = 0; y < height; y++) {
      const from = y * width;
      source.row(
        box.y + y,
        box,
        image.subarray(from * channels, (from + width) * channels),
        mask.subarray(from, from + width),
      );
    }
    return {
      id: source.id,
      image: { width, height, channels, data: image },
      ...(mask instanceof Uint32Array
        ? {
            mask: { width, height, data: classesOfCodes(mask) },
            objects: { width, height, data: mask },
          }
        : { mask: { width, height, data: mask } }),
    };
  }

  /** Frees memory and files. Samples can no longer be cut. */
  close(): void {
    this.sources.clear();
    this.spill?.close();
    this.spill = undefined;
  }

  private source(i: number): Promise<Source> {
    let source = this.sources.get(i);
    if (source === undefined) {
      source = this.limit(async () => this.keep(await this.dataset.get(i)));
      this.sources.set(i, source);
      // A failed sample is read again when it is next needed.
      source.catch(() => this.sources.delete(i));
    }
    return source;
  }

  private async keep(sample: Sample): Promise<Source> {
    const { image } = sample;
    const mask = maskKept(sample);
    const bytes = image.data.byteLength + mask.data.byteLength;
    if (bytes > this.free) return (this.spill ??= new SpillFile()).add(sample);
    this.free -= bytes;
    return inMemory(sample);
  }
}

/** Codes of objects contain the classes. */
const maskKept = ({ mask, objects }: Sample): { readonly data: MaskPixels } => objects ?? mask;

function inMemory(sample: Sample): Source {
  const { id, image } = sample;
  const mask = maskKept(sample);
  const { width, height, channels } = image;
  return {
    id,
    width,
    height,
    channels,
    hasObjects: sample.objects !== undefined,
    row(y, box, pixels, classes) {
      const at = y * width + box.x;
      pixels.set(image.data.subarray(at * channels, (at + box.width) * channels));
      classes.set(mask.data.subarray(at, at + box.width));
    },
  };
}

/** A temporary file of the values of samples. It is removed when it is closed or the process exits. */
class SpillFile {
  private readonly folder = mkdtempSync(join(tmpdir(), 'pixelwise-'));
  private readonly file = openSync(join(this.folder, 'samples'), 'w+');
  private readonly remove = () => rmSync(this.folder, { recursive: true, force: true });
  private end = 0;

  constructor() {
    process.once('exit', this.remove);
  }

  /** Writes the values of the image, then those of the mask. */
  async add(sample: Sample): Promise<Source> {
    const { id, image } = sample;
    const mask = maskKept(sample);
    const { width, height, channels, data } = image;
    const start = this.end;
    this.end += data.byteLength + mask.data.byteLength;
    await this.write(data, start, id);
    await this.write(mask.data, start + data.byteLength, id);
    return {
      id,
      width,
      height,
      channels,
      hasObjects: sample.objects !== undefined,
      row: (y, box, pixels, classes) => {
        const at = y * width + box.x;
        this.read(pixels, start + at * channels * data.BYTES_PER_ELEMENT);
        this.read(classes, start + data.byteLength + at * mask.data.BYTES_PER_ELEMENT);
      },
    };
  }

  close(): void {
    process.off('exit', this.remove);
    closeSync(this.file);
    this.remove();
  }

  private async write(values: PixelValues | MaskPixels, at: number, id: string): Promise<void> {
    const bytes = bytesOf(values);
    try {
      for (let done = 0; done < bytes.length;) {
        done += (await writeAt(this.file, bytes, done, bytes.length - done, at + done)).bytesWritten;
      }
    } catch (cause) {
      throw new PixelwiseError(
        'write-failed',
        `${this.folder}: the decoded pixels of ${id} do not fit into memory and cannot be written here (${(cause as NodeJS.ErrnoException).code}). Make space, or set TMPDIR to a folder with space.`,
        { cause },
      );
    }
  }

  private read(into: PixelValues | MaskPixels, at: number): void {
    const bytes = bytesOf(into);
    readSync(this.file, bytes, 0, bytes.length, at);
  }
}

const writeAt = promisify(write);

function bytesOf({ buffer, byteOffset, byteLength }: PixelValues | MaskPixels): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
