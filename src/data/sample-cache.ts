/**
 * Caches of decoded and resized samples with a size limit: in memory between epochs, or on disk also between
 * runs.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { writeOutputFile } from '../files/index.js';
import type { PairedSample } from './paired-sample.js';

/** Identifies a sample and how it is read. */
export interface CacheKey {
  readonly id: string;
  /** The sample's files. */
  readonly files: { readonly image: string; readonly mask: string };
  /** Everything else that affects the result: format, classes, layout, fit. */
  readonly reading: string;
}

/** A cache for the loader. Only used if the fit is not random. */
export interface SampleStore {
  /** Returns a copy that the caller may change, or undefined. */
  get(key: CacheKey): Promise<PairedSample | undefined>;
  /** Stores a copy if there is room. */
  offer(key: CacheKey, sample: PairedSample): Promise<void>;
}

function textOf({ id, files, reading }: CacheKey): string {
  return JSON.stringify([id, files.image, files.mask, reading]);
}

/**
 * Stores samples in memory until it is full and never evicts: an epoch visits each sample once, so with LRU
 * eviction every sample would be evicted just before its next use.
 */
export class SampleCache implements SampleStore {
  private readonly samples = new Map<string, PairedSample>();
  private used = 0;

  constructor(readonly maxBytes: number) {}

  /** Bytes in use. */
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

const EXTENSION = '.sample';
const HEADER_BYTES = 16;
/** `pxw1`; also detects files from a machine with another byte order. */
const MAGIC = 0x31777870;

/**
 * Stores samples as files: a header of four 32-bit numbers (magic, width, height, channels), the image as 32-bit
 * floats, then the mask. The file name is a hash that includes the size and time of the source files, so a
 * changed file is decoded again.
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
    new Uint8Array(header.buffer).set(bytes.subarray(0, HEADER_BYTES));
    const [magic, width, height, channels] = header as unknown as [number, number, number, number];
    const pixels = width * height;
    if (magic !== MAGIC || bytes.length !== HEADER_BYTES + pixels * (4 * channels + 1)) {
      // Written by another version or machine.
      await rm(file, { force: true }).catch(() => undefined);
      return undefined;
    }
    const from = bytes.byteOffset + HEADER_BYTES;
    const image = new Float32Array(bytes.buffer.slice(from, from + 4 * channels * pixels));
    const mask = new Uint8Array(
      bytes.buffer.slice(from + 4 * channels * pixels, from + (4 * channels + 1) * pixels),
    );
    return { id: key.id, width, height, channels, image, mask };
  }

  async offer(key: CacheKey, { width, height, channels, image, mask }: PairedSample): Promise<void> {
    // Codes of objects are not stored.
    if (!(mask instanceof Uint8Array)) return;
    const length = HEADER_BYTES + image.byteLength + mask.byteLength;
    if ((await this.kept()) + this.added + length > this.maxBytes) return;
    this.added += length;
    const bytes = new Uint8Array(length);
    bytes.set(new Uint8Array(Uint32Array.of(MAGIC, width, height, channels).buffer));
    bytes.set(new Uint8Array(image.buffer, image.byteOffset, image.byteLength), HEADER_BYTES);
    bytes.set(mask, HEADER_BYTES + image.byteLength);
    // A cache that cannot be written (any more) is done without.
    await writeOutputFile(await this.fileOf(key), bytes).catch(() => void (this.added = Infinity));
  }

  /** Size of the existing files. */
  private kept(): Promise<number> {
    this.used ??= (async () => {
      await mkdir(this.folder, { recursive: true }).catch(() => undefined);
      const names = (await readdir(this.folder).catch(() => [])).filter((name) => name.endsWith(EXTENSION));
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
    return join(this.folder, `${name.slice(0, 40)}${EXTENSION}`);
  }
}
