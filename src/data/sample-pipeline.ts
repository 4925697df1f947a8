/**
 * What becomes of a decoded sample on its way to the batch: size, per-image range, transforms. The same steps
 * run on the thread of the loader or, described as plain data, on the threads beside it.
 */
import { Random, type StreamKey } from '../random/index.js';
import type { Sample } from './dataset.js';
import type { Fit } from './fit.js';
import { type Normalization, rangeOf, stretchedImage, stretchToRange } from './normalization.js';
import type { PairedSample, Transform } from './paired-sample.js';
import { describe, type Description, remake } from './portable.js';

export interface PipelineOptions {
  readonly fit: Fit;
  /** In order, on images in 0…1. */
  readonly transforms: readonly Transform[];
  readonly normalization: Normalization | undefined;
  /** Largest pixel value of the data set. */
  readonly maxValue: number;
  /** Of all draws. */
  readonly seed: number;
}

/** A pipeline that can be sent. */
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

  /** As plain data; undefined where a function of one's own is among its steps. */
  describe(): PipelineDescription | undefined {
    const { fit, transforms, ...rest } = this.options;
    const described = [fit, ...transforms].map(describe);
    if (described.includes(undefined)) return undefined;
    const [first, ...others] = described as Description[];
    return { ...rest, fit: first!, transforms: others };
  }

  /** The draws of one visit to a sample. */
  random(keys: readonly StreamKey[]): Random {
    return new Random(this.options.seed, 'augment', ...keys);
  }

  /** Brings a sample to its size. */
  fit(sample: Sample, random: Random): PairedSample {
    const range = rangeOf(this.normalization);
    // Before the fit, so that what it pads with, 0, is as dark as the images' own dark.
    if (range === undefined) return this.options.fit.apply(sample, this.options.maxValue, random);
    return this.options.fit.apply({ ...sample, image: stretchedImage(sample.image, range) }, 1, random);
  }

  /** All that follows {@link fit}, but for the fixed normalisation, which the batch is filled with. */
  augment(fitted: PairedSample, random: Random): PairedSample {
    if (this.normalization?.kind === 'per-image') stretchToRange(fitted.image);
    return this.options.transforms.reduce((sample, transform) => transform(sample, random), fitted);
  }
}
