/**
 * The steps from a decoded sample to a batch: fit to size, per-image normalisation, transforms. They run on the
 * loader's own thread or, described as plain data, on worker threads.
 */
import { Random, type StreamKey } from '../random/index.js';
import type { Sample } from './dataset.js';
import type { Fit } from './fit.js';
import { type Normalization, rangeOf, stretchedImage, stretchToRange } from './normalization.js';
import type { PairedSample, Transform } from './paired-sample.js';
import { describe, type Description, remake } from './portable.js';

export interface PipelineOptions {
  readonly fit: Fit;
  /** Applied in order, to images in 0…1. */
  readonly transforms: readonly Transform[];
  readonly normalization: Normalization | undefined;
  /** Largest pixel value of the data set. */
  readonly maxValue: number;
  /** Seed of all random draws. */
  readonly seed: number;
}

/** A pipeline as plain data, which can be sent to a worker. */
export interface PipelineDescription extends Omit<PipelineOptions, 'fit' | 'transforms'> {
  readonly fit: Description;
  readonly transforms: readonly Description[];
}

export class SamplePipeline {
  readonly normalization: Normalization | undefined;

  constructor(private readonly options: PipelineOptions) {
    this.normalization = options.normalization;
  }

  static from({ fit, transforms, ...rest }: PipelineDescription): SamplePipeline {
    return new SamplePipeline({
      ...rest,
      fit: remake(fit) as Fit,
      transforms: transforms.map((transform) => remake(transform) as Transform),
    });
  }

  /** Describes the pipeline as plain data; undefined if a step is a custom function. */
  describe(): PipelineDescription | undefined {
    const { fit, transforms, ...rest } = this.options;
    const described = [fit, ...transforms].map(describe);
    if (described.includes(undefined)) return undefined;
    const [first, ...others] = described as Description[];
    return { ...rest, fit: first!, transforms: others };
  }

  /** The random stream for one visit to a sample. */
  random(keys: readonly StreamKey[]): Random {
    return new Random(this.options.seed, 'augment', ...keys);
  }

  /** Resizes or crops a sample to its size. */
  fit(sample: Sample, random: Random): PairedSample {
    const range = rangeOf(this.normalization);
    // Scale before the fit, so that its padding value 0 is the images' black.
    if (range === undefined) return this.options.fit.apply(sample, this.options.maxValue, random);
    return this.options.fit.apply({ ...sample, image: stretchedImage(sample.image, range) }, 1, random);
  }

  /** The steps after {@link fit}, except fixed normalisation, which is applied when the batch is filled. */
  augment(fitted: PairedSample, random: Random): PairedSample {
    if (this.normalization?.kind === 'per-image') stretchToRange(fitted.image);
    return this.options.transforms.reduce((sample, transform) => transform(sample, random), fitted);
  }
}
