/**
 * From a dataset to batches: samples are decoded ahead, several at once, under a bound; what comes out is
 * the same, in the same order, whatever the concurrency.
 *
 *   sampler → dataset.get → fit (size) → per-image range → transforms → normalisation → batch
 *
 * Samples are prepared by threads of their own (loader-threads.ts) where plain data can say how: data sets of
 * files, and the fits and transforms of this layer. A data set or a function of one's own runs on the calling
 * thread, which then does the arithmetic while Node's and libvips' threads read and decode.
 */
import pLimit, { type LimitFunction } from 'p-limit';
import { availableParallelism } from 'node:os';
import { evenShare } from '../distributed/index.js';
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import type { Batch, Dataset } from './dataset.js';
import type { Fit } from './fit.js';
import {
  numberPipeline,
  prepareSample,
  type SentPipeline,
  THREAD_FAILED,
  THREADS_AVAILABLE,
} from './loader-threads.js';
import { type Normalization, rangeOf, standardize } from './normalization.js';
import type { PairedSample, Transform } from './paired-sample.js';
import type { SampleStore } from './sample-cache.js';
import { SamplePipeline } from './sample-pipeline.js';
import { type Sampler, sequential } from './samplers.js';
import { maskOf } from './subset.js';

export interface LoaderOptions {
  readonly dataset: Dataset;
  readonly batchSize: number;
  /** How a sample comes to its size: `stretch(224)`, say. */
  readonly fit: Fit;
  /** Order of visits; default sequential. */
  readonly sampler?: Sampler;
  /** Applied in order, image in 0…1, before normalisation. */
  readonly transforms?: readonly Transform[];
  /** Default none: 0…1. */
  readonly normalization?: Normalization;
  /** For the transforms' draws. */
  readonly seed?: number;
  /** Leaves out an epoch's last batch where it would be short. */
  readonly dropLast?: boolean;
  /** Samples under way at a time; default twice the processors, at least 2 and at most 16. */
  readonly concurrency?: number;
  /** Threads that prepare samples; default one a processor, at most 8. With 0, the calling thread does it. */
  readonly threads?: number;
  /** Whole batches kept ready ahead of the one in use; default 2. */
  readonly prefetch?: number;
  /** Keeps decoded and resized samples between epochs (SampleCache, DiskSampleCache), where the fit does not draw. */
  readonly cache?: SampleStore;
  /**
   * A sample that cannot be read: `fail` (default) throws its error when its batch is due; a function is told
   * and the sample left out, so its batch is shorter (and missing altogether where none is left).
   */
  readonly onUnreadable?: 'fail' | ((error: PixelwiseError, id: string) => void);
  /**
   * Gives of every batch one rank's part: its samples are those that one loader alone would draw, a part of
   * them in a row, as many as any other rank's or one more or less. A part may be empty; it is given all the
   * same, so that every rank sees as many batches. `batchSize` is that of the whole.
   */
  readonly share?: { readonly rank: number; readonly size: number } | undefined;
}

export interface EpochOptions {
  /** First batch to yield, to resume within an epoch. */
  readonly from?: number;
  readonly signal?: AbortSignal;
}

export class Loader implements AsyncIterable<Batch> {
  readonly dataset: Dataset;
  readonly batchSize: number;
  private readonly sampler: Sampler;
  private readonly concurrency: number;
  private readonly prefetch: number;
  private readonly pipeline: SamplePipeline;
  private readonly threads: number;
  /** The pipeline for the threads, where they can run it. */
  private readonly sent: SentPipeline | undefined;
  /** Names how samples are read, so that caches never mix two ways. */
  private readonly reading: string;

  constructor(private readonly options: LoaderOptions) {
    const { dataset, batchSize, normalization } = options;
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.sampler = options.sampler ?? sequential(dataset.length);
    const processors = Math.min(8, availableParallelism());
    this.concurrency = options.concurrency ?? Math.max(2, 2 * processors);
    this.threads = options.threads ?? processors;
    this.prefetch = options.prefetch ?? 2;
    const { format, classes, channels, maxValue } = dataset;
    this.pipeline = new SamplePipeline({
      fit: options.fit,
      transforms: options.transforms ?? [],
      normalization,
      maxValue,
      seed: options.seed ?? 0,
    });
    const description =
      this.threads > 0 && THREADS_AVAILABLE && dataset.reading !== undefined
        ? this.pipeline.describe()
        : undefined;
    this.sent = description && numberPipeline(description);
    this.reading = JSON.stringify([
      format,
      classes,
      channels,
      maxValue,
      options.fit.key,
      rangeOf(normalization),
    ]);
    for (const [name, value] of Object.entries({
      batchSize,
      concurrency: this.concurrency,
      threads: this.threads,
      prefetch: this.prefetch,
    })) {
      const least = name === 'prefetch' || name === 'threads' ? 0 : 1;
      if (!Number.isInteger(value) || value < least) {
        throw new UsageError(`${name} is ${value}; it is a whole number from ${least}.`);
      }
    }
    if (normalization?.kind === 'fixed' && normalization.mean.length !== dataset.channels) {
      throw new ShapeError(
        `The normalisation "${normalization.name}" has ${normalization.mean.length} channels, the images ${dataset.channels}.`,
      );
    }
  }

  /** Batches an epoch. */
  get length(): number {
    const { length } = this.sampler;
    return this.options.dropLast === true
      ? Math.floor(length / this.batchSize)
      : Math.ceil(length / this.batchSize);
  }

  /** The batches of epoch 0; see {@link epoch}. */
  [Symbol.asyncIterator](): AsyncIterator<Batch> {
    return this.epoch(0);
  }

  /**
   * The batches of one epoch. Each batch's arrays are its own, free to be transferred. Leaving the loop early
   * stops the decoding ahead. Throws what the dataset throws, and `signal.reason` once aborted.
   */
  async *epoch(
    epoch: number,
    { from = 0, signal }: EpochOptions = {},
  ): AsyncGenerator<Batch, void, undefined> {
    const order = this.sampler.order(epoch);
    const ends = new AbortController();
    const stop = signal === undefined ? ends.signal : AbortSignal.any([signal, ends.signal]);
    const limit = pLimit(this.concurrency);
    const ready: Promise<Batch | undefined>[] = [];
    const occurrences = new Map<number, number>();
    const start = (b: number): Promise<Batch | undefined> => {
      const whole = order.subarray(b * this.batchSize, Math.min(order.length, (b + 1) * this.batchSize));
      const batch = this.assemble(whole, epoch, occurrences, limit, stop);
      // Looked at only when its turn comes; until then a failure must not count as unhandled.
      batch.catch(() => undefined);
      return batch;
    };
    // A sample drawn twice gets two draws of the augmentation: count visits, the skipped ones too.
    for (const position of order.subarray(0, from * this.batchSize)) {
      occurrences.set(position, (occurrences.get(position) ?? 0) + 1);
    }
    try {
      let next = from;
      for (let b = from; b < this.length; b++) {
        while (next < this.length && next <= b + this.prefetch) ready.push(start(next++));
        const batch = await abortable(ready.shift()!, signal);
        if (batch !== undefined) yield batch;
      }
    } finally {
      ends.abort();
    }
  }

  private async assemble(
    whole: Uint32Array,
    epoch: number,
    occurrences: Map<number, number>,
    limit: LimitFunction,
    stop: AbortSignal,
  ): Promise<Batch | undefined> {
    const { dataset } = this;
    const { share } = this.options;
    const { from, to } = evenShare(whole.length, share?.rank ?? 0, share?.size ?? 1);
    const building = new BatchBuilder(to - from, dataset.channels);
    const visits = Array.from(whole, (position) => {
      const occurrence = occurrences.get(position) ?? 0;
      occurrences.set(position, occurrence + 1);
      return { position, occurrence };
    });
    const samples = visits.slice(from, to).map(({ position, occurrence }, slot) => {
      return limit(async () => {
        if (stop.aborted) return;
        try {
          const { sample, normalization } = await this.prepare(position, epoch, occurrence);
          building.put(slot, sample, normalization);
        } catch (error) {
          const { onUnreadable } = this.options;
          const isOfSample = error instanceof PixelwiseError && error.code !== THREAD_FAILED;
          if (typeof onUnreadable !== 'function' || !isOfSample) throw error;
          onUnreadable(error, dataset.ids[position]!);
        }
      });
    });
    await Promise.all(samples);
    if (stop.aborted) return undefined;
    const batch = building.finish();
    return share === undefined ? batch : { ...(batch ?? noSamples(dataset.channels)), first: from };
  }

  /** A sample ready for its batch, but for the fixed normalisation that is still to be applied. */
  private async prepare(position: number, epoch: number, occurrence: number): Promise<Ready> {
    const { dataset, pipeline, sent } = this;
    const { fit, cache } = this.options;
    const id = dataset.ids[position]!;
    const keys = occurrence === 0 ? [epoch, id] : [epoch, id, occurrence];
    const store = fit.random ? undefined : cache;
    const key = { id, files: dataset.files(position), reading: this.reading };
    let fitted = await store?.get(key);
    const reading = sent && dataset.reading?.(position);
    if (sent === undefined || reading === undefined) {
      const random = pipeline.random(keys);
      if (fitted === undefined) {
        fitted = pipeline.fit(await dataset.get(position), random);
        await store?.offer(key, fitted);
      }
      return { sample: pipeline.augment(fitted, random), normalization: pipeline.normalization };
    }
    const keep = fitted === undefined && store !== undefined;
    const isDrawn = fitted === undefined && reading.maskReading === undefined;
    const drawn = isDrawn ? await maskOf(dataset, position) : undefined;
    const source = fitted === undefined ? { reading, drawn } : { fitted };
    const { sample, kept } = await prepareSample(this.threads, { pipeline: sent, source, keys, keep });
    if (kept !== undefined) await store?.offer(key, kept);
    return { sample, normalization: undefined };
  }
}

interface Ready {
  readonly sample: PairedSample;
  /** What is to be applied yet. */
  readonly normalization: Normalization | undefined;
}

const noSamples = (channels: number): Batch => ({
  ids: [],
  size: 0,
  channels,
  height: 0,
  width: 0,
  images: new Float32Array(),
  masks: new Uint8Array(),
});

/** Fills a batch in any order of arrival and closes the gaps that unreadable samples leave. */
class BatchBuilder {
  private images: Float32Array | undefined;
  private masks: Uint8Array | undefined;
  private readonly ids: (string | undefined)[];
  private height = 0;
  private width = 0;
  private firstId = '';

  constructor(
    private readonly size: number,
    private readonly channels: number,
  ) {
    this.ids = new Array<string | undefined>(size).fill(undefined);
  }

  put(slot: number, sample: PairedSample, normalization: Normalization | undefined): void {
    const { id, image, mask, width, height, channels } = sample;
    const pixels = width * height;
    if (channels !== this.channels || image.length !== channels * pixels || mask.length !== pixels) {
      throw new ShapeError(
        `${id}: a transform returned ${image.length} image values and ${mask.length} mask values for ` +
          `${channels}×${height}×${width}; the data set has ${this.channels} channels.`,
      );
    }
    if (this.images === undefined) {
      this.images = new Float32Array(this.size * channels * pixels);
      this.masks = new Uint8Array(this.size * pixels);
      [this.height, this.width, this.firstId] = [height, width, id];
    } else if (width !== this.width || height !== this.height) {
      throw new ShapeError(
        `${id} is ${width}×${height} and ${this.firstId} is ${this.width}×${this.height}; samples of one batch are of ` +
          'one size. Resize or crop them (stretch, letterbox, randomCrop), or use batches of 1.',
      );
    }
    const at = slot * channels * pixels;
    if (normalization?.kind === 'fixed') standardize(image, normalization, this.images, at);
    else this.images.set(image, at);
    this.masks!.set(mask, slot * pixels);
    this.ids[slot] = id;
  }

  finish(): Batch | undefined {
    if (this.images === undefined) return undefined;
    const { channels, height, width, masks } = this;
    let images = this.images;
    const ids: string[] = [];
    const imageSize = channels * height * width;
    const maskSize = height * width;
    this.ids.forEach((id, slot) => {
      if (id === undefined) return;
      if (ids.length < slot) {
        images.copyWithin(ids.length * imageSize, slot * imageSize, (slot + 1) * imageSize);
        masks!.copyWithin(ids.length * maskSize, slot * maskSize, (slot + 1) * maskSize);
      }
      ids.push(id);
    });
    const size = ids.length;
    if (size < this.size) images = images.slice(0, size * imageSize);
    const kept = size < this.size ? masks!.slice(0, size * maskSize) : masks!;
    return { ids, size, channels, height, width, images, masks: kept };
  }
}

async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  let onAbort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
