/**
 * Loads batches from a data set. Several samples are decoded ahead at the same time; batches and their order do
 * not depend on the concurrency.
 *
 *   sampler → dataset.get → fit (size) → per-image range → transforms → normalisation → batch
 *
 * Worker threads (loader-threads.ts) prepare the samples if the steps can be described as plain data: data sets
 * of files, and the fits and transforms of this layer. Custom data sets and functions run on the calling thread,
 * while Node's and libvips' threads read and decode.
 */
import pLimit, { type LimitFunction } from 'p-limit';
import { availableParallelism } from 'node:os';
import { evenShare } from '../distributed/index.js';
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import type { Batch, Dataset, SampleVisit } from './dataset.js';
import type { Fit } from './fit.js';
import {
  numberPipeline,
  prepareSample,
  type NumberedPipeline,
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
  /** How to resize or crop samples, for example `stretch(224)`. */
  readonly fit: Fit;
  /** Order of the samples; default sequential. */
  readonly sampler?: Sampler;
  /** Applied in order to images in 0…1, before normalisation. */
  readonly transforms?: readonly Transform[];
  /** Default none: images stay in 0…1. */
  readonly normalization?: Normalization;
  /** Seed of the transforms' random numbers. */
  readonly seed?: number;
  /** Drop the last batch of an epoch if it is incomplete. */
  readonly dropLast?: boolean;
  /** Samples prepared at the same time; default twice the number of cores, from 2 to 16. */
  readonly concurrency?: number;
  /** Worker threads; default one per core, at most 8. With 0 the calling thread prepares samples. */
  readonly threads?: number;
  /** Batches prepared ahead; default 2. */
  readonly prefetch?: number;
  /** Cache of decoded and resized samples (SampleCache, DiskSampleCache). Not used if the fit is random. */
  readonly cache?: SampleStore;
  /**
   * What to do if a sample cannot be read. `fail` (default) throws its error when its batch is due. A function is
   * called with the error and the sample is left out, so its batch is shorter, or missing if it becomes empty.
   */
  readonly onUnreadable?: 'fail' | ((error: PixelwiseError, id: string) => void);
  /**
   * For distributed training: yields only this rank's part of each global batch, a contiguous range of its
   * samples. Parts differ by at most one sample. An empty part is yielded too, so that all ranks see the same
   * number of batches. `batchSize` is the global batch size.
   */
  readonly share?: { readonly rank: number; readonly size: number } | undefined;
}

export interface EpochOptions {
  /** Index of the first batch, to resume within an epoch. */
  readonly from?: number;
  readonly signal?: AbortSignal;
  /** The caller keeps samples. Batches then have `visits`. */
  readonly kept?: KeptSamples | undefined;
}

/** Samples that the caller keeps, which the loader does not prepare again. */
export interface KeptSamples {
  /** The epoch whose random draws augment a sample in this epoch. Equal ones give the same result. */
  drawsOf(position: number, epoch: number): number;
  /** Whether the caller has the sample with these draws. */
  has(position: number, draws: number): boolean;
}

export class Loader implements AsyncIterable<Batch> {
  readonly dataset: Dataset;
  readonly batchSize: number;
  private readonly sampler: Sampler;
  private readonly concurrency: number;
  private readonly prefetch: number;
  private readonly pipeline: SamplePipeline;
  private readonly threads: number;
  /** The pipeline for worker threads; undefined if they cannot run it. */
  private readonly sent: NumberedPipeline | undefined;
  /** Cache key of how samples are read. */
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
        throw new UsageError(`${name} is ${value}; it must be a whole number of at least ${least}.`);
      }
    }
    if (normalization?.kind === 'fixed' && normalization.mean.length !== dataset.channels) {
      throw new ShapeError(
        `The normalisation "${normalization.name}" has ${normalization.mean.length} channels, but the images have ${dataset.channels}.`,
      );
    }
  }

  /** Number of batches per epoch. */
  get length(): number {
    const { length } = this.sampler;
    return this.options.dropLast === true
      ? Math.floor(length / this.batchSize)
      : Math.ceil(length / this.batchSize);
  }

  /** Number of samples per epoch, before an incomplete batch is dropped. */
  get sampleCount(): number {
    return this.sampler.length;
  }

  /** The batches of epoch 0; see {@link epoch}. */
  [Symbol.asyncIterator](): AsyncIterator<Batch> {
    return this.epoch(0);
  }

  /**
   * The batches of one epoch. Each batch has its own arrays, which may be transferred. Leaving the loop early
   * stops the prefetching.
   * @throws the data set's errors; `signal.reason` when aborted.
   */
  async *epoch(
    epoch: number,
    { from = 0, signal, kept }: EpochOptions = {},
  ): AsyncGenerator<Batch, void, undefined> {
    const order = this.sampler.order(epoch);
    const ends = new AbortController();
    const stop = signal === undefined ? ends.signal : AbortSignal.any([signal, ends.signal]);
    const limit = pLimit(this.concurrency);
    const ready: Promise<Batch | undefined>[] = [];
    const occurrences = new Map<number, number>();
    const start = (b: number): Promise<Batch | undefined> => {
      const globalBatch = order.subarray(
        b * this.batchSize,
        Math.min(order.length, (b + 1) * this.batchSize),
      );
      const batch = this.assemble(globalBatch, epoch, occurrences, limit, stop, kept);
      // It is awaited later. This prevents an unhandled rejection until then.
      batch.catch(() => undefined);
      return batch;
    };
    // A sample that occurs twice is augmented differently each time, so count occurrences, also in the skipped
    // batches.
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
    globalBatch: Uint32Array,
    epoch: number,
    occurrences: Map<number, number>,
    limit: LimitFunction,
    stop: AbortSignal,
    kept: KeptSamples | undefined,
  ): Promise<Batch | undefined> {
    const { dataset } = this;
    const { share } = this.options;
    const { from, to } = evenShare(globalBatch.length, share?.rank ?? 0, share?.size ?? 1);
    const building = new BatchBuilder(to - from, dataset.channels);
    const visits = Array.from(globalBatch, (position) => {
      const occurrence = occurrences.get(position) ?? 0;
      occurrences.set(position, occurrence + 1);
      if (!kept) return { position, draws: epoch, occurrence, held: false };
      const draws = kept.drawsOf(position, epoch);
      return { position, draws, occurrence: 0, held: kept.has(position, draws) };
    }).slice(from, to);
    const samples = visits.map(({ position, draws, occurrence, held }, slot) => {
      if (held) return undefined;
      return limit(async () => {
        if (stop.aborted) return;
        try {
          const { sample, normalization } = await this.prepare(position, draws, occurrence);
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
    const all = share === undefined ? batch : { ...(batch ?? noSamples(dataset.channels)), first: from };
    if (!kept) return all;
    const told = visits.flatMap(({ position, draws, held }, slot): SampleVisit[] =>
      held || building.has(slot) ? [{ position, id: dataset.ids[position]!, draws, held }] : [],
    );
    return told.length === 0 ? all : { ...(all ?? noSamples(dataset.channels)), visits: told };
  }

  /**
   * Prepares a sample for its batch. A fixed normalisation may still have to be applied.
   *
   * @param epoch that of the random draws.
   */
  private async prepare(position: number, epoch: number, occurrence: number): Promise<PreparedSample> {
    const { dataset, pipeline, sent } = this;
    const { fit, cache } = this.options;
    const id = dataset.ids[position]!;
    const keys = occurrence === 0 ? [epoch, id] : [epoch, id, occurrence];
    const store = fit.random ? undefined : cache;
    const key = store && { id, files: dataset.files(position), reading: this.reading };
    let fitted = key && (await store.get(key));
    const reading = sent && dataset.reading?.(position);
    if (sent === undefined || reading === undefined) {
      const random = pipeline.random(keys);
      if (fitted === undefined) {
        fitted = pipeline.fit(await dataset.get(position, epoch), random);
        if (key) await store.offer(key, fitted);
      }
      return { sample: pipeline.augment(fitted, random), normalization: pipeline.normalization };
    }
    const keep = fitted === undefined && store !== undefined;
    const isDrawn = fitted === undefined && reading.maskReading === undefined;
    const drawn = !isDrawn
      ? undefined
      : reading.objects
        ? await dataset.getObjects!(position)
        : await maskOf(dataset, position);
    const source = fitted === undefined ? { reading, drawn } : { fitted };
    const { sample, kept } = await prepareSample(this.threads, { pipeline: sent, source, keys, keep });
    if (kept !== undefined && key) await store.offer(key, kept);
    return { sample, normalization: undefined };
  }
}

interface PreparedSample {
  readonly sample: PairedSample;
  /** Normalisation that is not applied yet. */
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

/** Collects the samples of a batch in any order and removes the gaps of unreadable samples. */
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
    if (!(mask instanceof Uint8Array)) {
      throw new ShapeError(
        `${id}: its mask has codes of objects, which a network does not learn as they are: end the transforms with objectTargets().`,
      );
    }
    if (this.images === undefined) {
      this.images = new Float32Array(this.size * channels * pixels);
      this.masks = new Uint8Array(this.size * pixels);
      [this.height, this.width, this.firstId] = [height, width, id];
    } else if (width !== this.width || height !== this.height) {
      throw new ShapeError(
        `${id} is ${width}×${height} and ${this.firstId} is ${this.width}×${this.height}; all samples of a batch must have ` +
          'the same size. Resize or crop them (stretch, letterbox, randomCrop), or use batches of 1.',
      );
    }
    const at = slot * channels * pixels;
    if (normalization?.kind === 'fixed') standardize(image, normalization, this.images, at);
    else this.images.set(image, at);
    this.masks!.set(mask, slot * pixels);
    this.ids[slot] = id;
  }

  has(slot: number): boolean {
    return this.ids[slot] !== undefined;
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
