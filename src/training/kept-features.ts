/**
 * Features that are kept: a source of batches for a model whose encoder is frozen. It keeps what the frozen part computes
 * from each sample, and the sample's mask. Until the sample is augmented anew it is then neither decoded nor augmented,
 * and its step costs the trained part alone.
 *
 * Augmentation stays, but a sample looks the same for some epochs in a row. In each epoch an equal part of the samples is
 * augmented anew, so all epochs after the first cost the same, and only one set of features of a sample is in memory.
 * What does not fit is computed at every visit, to the same bits: neither the memory limit nor an interruption changes
 * what is learned.
 */
import type { Batch, SampleVisit } from '../data/dataset.js';
import type { EpochOptions, KeptSamples } from '../data/loader.js';
import type { ImageShape } from '../models/index.js';
import type { BatchSource } from './fit.js';
import type { Learner, LearnerMode } from './learner.js';

/** Memory that several sources share. */
export class FeatureMemory {
  private used = 0;

  constructor(readonly maxBytes: number) {}

  /** Bytes in use. */
  get bytes(): number {
    return this.used;
  }

  /** Takes so many bytes, if they are left. */
  take(bytes: number): boolean {
    if (this.used + bytes > this.maxBytes) return false;
    this.used += bytes;
    return true;
  }

  free(bytes: number): void {
    this.used -= bytes;
  }
}

/** A `Loader`, or another source that can leave samples out. */
export interface VisitedSource {
  readonly length: number;
  epoch(epoch: number, options: EpochOptions): AsyncIterable<Batch>;
}

export interface KeptFeaturesOptions {
  readonly source: VisitedSource;
  readonly learner: Learner;
  readonly mode: LearnerMode;
  /** The shape of all images of the source. */
  readonly image: ImageShape;
  /** Number of epochs in which a sample looks the same. */
  readonly epochs: number;
  /** Number of samples per epoch. */
  readonly samples: number;
  readonly memory: FeatureMemory;
}

interface KeptSample {
  readonly id: string;
  /** The epoch whose random draws augmented it. */
  readonly draws: number;
  readonly mask: Uint8Array;
  readonly features: readonly Float32Array[];
}

/** Bytes that are kept of a sample; undefined if the model has no frozen part. */
export function bytesOfFeatures(learner: Learner, mode: LearnerMode, image: ImageShape): number | undefined {
  const shapes = learner.featureShapes(mode, image);
  const values = shapes?.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return values && 4 * values + image.height * image.width;
}

export class KeptFeatures implements BatchSource {
  /** By position. */
  private readonly samples = new Map<number, KeptSample>();
  private readonly bytesOfSample: number;
  private weights = -1;
  /** Spent on the first features of the samples that are kept. */
  private milliseconds = 0;

  /** @throws Error if nothing of the model is frozen. */
  constructor(private readonly options: KeptFeaturesOptions) {
    const { learner, mode, image } = options;
    const bytes = bytesOfFeatures(learner, mode, image);
    if (bytes === undefined) throw new Error('the model has no frozen part whose features could be kept');
    this.bytesOfSample = bytes;
  }

  get length(): number {
    return this.options.source.length;
  }

  /** Number of samples that are kept. */
  get size(): number {
    return this.samples.size;
  }

  /** Milliseconds spent on the first features of the samples that are kept. */
  get spent(): number {
    return this.milliseconds;
  }

  /** Number of samples that are still to be added to those that are kept. */
  get missing(): number {
    const { samples, memory } = this.options;
    const fitting = Math.floor((memory.maxBytes - memory.bytes) / this.bytesOfSample);
    return Math.min(fitting, Math.max(0, samples - this.size));
  }

  /** Milliseconds to compute the features of a sample; 0 before the first. */
  get perSample(): number {
    return this.size === 0 ? 0 : this.milliseconds / this.size;
  }

  async *epoch(
    epoch: number,
    options: { readonly from?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Batch, void, undefined> {
    const { source, epochs, learner, mode, image } = this.options;
    if (this.weights !== learner.frozenValues) this.clear();
    this.weights = learner.frozenValues;
    await learner.prepareFeatures(mode, image);
    const kept: KeptSamples = {
      drawsOf: (position, epoch) => Math.floor((epoch + (position % epochs)) / epochs),
      has: (position, draws) => this.samples.get(position)?.draws === draws,
    };
    for await (const batch of source.epoch(epoch, { ...options, kept })) yield await this.withFeatures(batch);
  }

  /** Frees what is kept. */
  clear(): void {
    this.options.memory.free(this.samples.size * this.bytesOfSample);
    this.samples.clear();
    this.milliseconds = 0;
  }

  private async withFeatures(batch: Batch): Promise<Batch> {
    const { image, learner, mode } = this.options;
    const { channels, height, width } = image;
    const pixels = height * width;
    const samples: KeptSample[] = [];
    let read = 0;
    for (const visit of batch.visits!) {
      if (visit.held) samples.push(this.samples.get(visit.position)!);
      else {
        const pixelsOf = batch.images.subarray(read * channels * pixels, (read + 1) * channels * pixels);
        const mask = batch.masks.slice(read * pixels, (read + 1) * pixels);
        read++;
        const began = performance.now();
        const features = await learner.features(mode, image, pixelsOf);
        samples.push(this.keep(visit, { mask, features }, performance.now() - began));
      }
    }
    const masks = new Uint8Array(samples.length * pixels);
    samples.forEach(({ mask }, i) => masks.set(mask, i * pixels));
    return {
      ids: samples.map(({ id }) => id),
      size: samples.length,
      channels,
      height,
      width,
      images: new Float32Array(),
      masks,
      features: samples.map(({ features }) => features),
    };
  }

  private keep(
    { position, id, draws }: SampleVisit,
    computed: Pick<KeptSample, 'mask' | 'features'>,
    milliseconds: number,
  ): KeptSample {
    const sample = { id, draws, ...computed };
    const known = this.samples.has(position);
    if (known || this.options.memory.take(this.bytesOfSample)) {
      this.samples.set(position, sample);
      if (!known) this.milliseconds += milliseconds;
    }
    return sample;
  }
}
