/** Decoded and resized samples kept between epochs: in memory, or on disk between runs too; under a bound of bytes. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { writeOutputFile } from '../files/index.js';
import type { PairedSample } from './paired-sample.js';

/** Says which sample, read how. */
export interface CacheKey {
  readonly id: string;
  /** The files it is made of. */
  readonly files: { readonly image: string; readonly mask: string };
  /** Everything else that decides the result: format, classes, layout, fit. */
  readonly reading: string;
}

/** Where the loader keeps samples whose fit does not draw. */
export interface SampleStore {
  /** A copy of what is kept, which the caller may change; undefined where there is none. */
  get(key: CacheKey): Promise<PairedSample | undefined>;
  /** Keeps a copy where there is room. */
  offer(key: CacheKey, sample: PairedSample): Promise<void>;
}

function textOf({ id, files, reading }: CacheKey): string {
  return JSON.stringify([id, files.image, files.mask, reading]);
}

/**
 * Keeps the first samples that fit in memory and never throws one out: an epoch visits each sample once, so
 * making room for the newest would lose every sample just before it is needed.
 */
export class SampleCache implements SampleStore {
  private readonly samples = new Map<string, PairedSample>();
  private used = 0;

  constructor(readonly maxBytes: number) {}

  /** Bytes held. */
  get bytes(): number {
    return this.used;
  }

  get(key: CacheKey): Promise<PairedSample | undefined> {
    const kept = this.samples.get(textOf(key));
    return Promise.resolve(kept && { ...kept, image: kept.image.slice(), mask: kept.mask.slice() });
  }

  offer(key: CacheKey, sample: PairedSample): Promise<void> {
    const text = textOf(key);
    const bytes = sample.image.byteLength + sample.mask.byteLength;
    if (this.used + bytes <= this.maxBytes && !this.samples.has(text)) {
      this.samples.set(text, { ...sample, image: sample.image.slice(), mask: sample.mask.slice() });
      this.used += bytes;
    }
    return Promise.resolve();
  }
}

const ENDING = '.sample';
const HEADER = 16;
/** `pxw1`, which also tells a machine of the other byte order. */
const MAGIC = 0x31777870;

/**
 * Keeps samples as files: a header of four 32-bit numbers (magic, width, height, channels), the image as 32-bit
 * floats, the mask. Names hold the size and time of the source files, so a changed file is decoded anew.
 */
export class DiskSampleCache implements SampleStore {
  private used: Promise<number> | undefined;
  private added = 0;

  constructor(
    readonly folder: string,
    readonly maxBytes: number,
  ) {}

  async get(key: CacheKey): Promise<PairedSample | undefined> {
    const file = await this.fileOf(key);
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes === undefined) return undefined;
    const header = new Uint32Array(4);
    new Uint8Array(header.buffer).set(bytes.subarray(0, HEADER));
    const [magic, width, height, channels] = header as unknown as [number, number, number, number];
    const pixels = width * height;
    if (magic !== MAGIC || bytes.length !== HEADER + pixels * (4 * channels + 1)) {
      // Written by another version or machine: made anew.
      await rm(file, { force: true });
      return undefined;
    }
    const from = bytes.byteOffset + HEADER;
    const image = new Float32Array(bytes.buffer.slice(from, from + 4 * channels * pixels));
    const mask = new Uint8Array(
      bytes.buffer.slice(from + 4 * channels * pixels, from + (4 * channels + 1) * pixels),
    );
    return { id: key.id, width, height, channels, image, mask };
  }

  async offer(key: CacheKey, { width, height, channels, image, mask }: PairedSample): Promise<void> {
    const length = HEADER + image.byteLength + mask.byteLength;
    if ((await this.kept()) + this.added + length > this.maxBytes) return;
    this.added += length;
    const bytes = new Uint8Array(length);
    bytes.set(new Uint8Array(Uint32Array.of(MAGIC, width, height, channels).buffer));
    bytes.set(new Uint8Array(image.buffer, image.byteOffset, image.byteLength), HEADER);
    bytes.set(mask, HEADER + image.byteLength);
    await writeOutputFile(await this.fileOf(key), bytes);
  }

  /** Bytes there at the start. */
  private kept(): Promise<number> {
    this.used ??= (async () => {
      await mkdir(this.folder, { recursive: true });
      const names = (await readdir(this.folder)).filter((name) => name.endsWith(ENDING));
      const sizes = await Promise.all(
        names.map((name) =>
          stat(join(this.folder, name)).then(
            ({ size }) => size,
            () => 0,
          ),
        ),
      );
      return sizes.reduce((sum, size) => sum + size, 0);
    })();
    return this.used;
  }

  private async fileOf(key: CacheKey): Promise<string> {
    const stamps = await Promise.all(
      [key.files.image, key.files.mask].map((file) =>
        stat(file).then(
          ({ size, mtimeMs }) => `${size} ${mtimeMs}`,
          () => 'missing',
        ),
      ),
    );
    const name = createHash('sha256')
      .update(JSON.stringify([textOf(key), stamps, endianness()]))
      .digest('hex');
    return join(this.folder, `${name.slice(0, 40)}${ENDING}`);
  }
}
