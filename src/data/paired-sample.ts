/** The working form of a sample between decoding and the batch, and what a transform is. */
import type { MaskPixels } from '../images/raster.js';
import type { Random } from '../random/index.js';
import { portable } from './portable.js';

/** An image with its mask at the size of training. A transform may change the arrays in place. */
export interface PairedSample {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** C×H×W, 0…1. */
  readonly image: Float32Array;
  /**
   * H×W class indices; IGNORE_INDEX for pixels that are ignored. If objects are told apart, codes of objects, whose
   * lowest byte is the class: until the transforms end, so that they move objects and do not merge them.
   */
  readonly mask: MaskPixels;
}

/**
 * A change of image and mask together: any plain function. All chance comes from `random`, which is keyed by
 * (seed, epoch, sample): whatever the number of workers, a sample gets the same draw.
 */
export type Transform = (sample: PairedSample, random: Random) => PairedSample;

/** One transform that applies several in order. */
export const compose = portable('compose', (...transforms: readonly Transform[]): Transform => {
  return (sample, random) => transforms.reduce((current, transform) => transform(current, random), sample);
});

/** Applies `transform` with probability `p`, else nothing. */
export const sometimes = portable('sometimes', (p: number, transform: Transform): Transform => {
  return (sample, random) => (random.chance(p) ? transform(sample, random) : sample);
});

/** Applies one of several, each as likely. */
export const oneOf = portable('oneOf', (...transforms: readonly Transform[]): Transform => {
  return (sample, random) => transforms[random.integer(transforms.length)]!(sample, random);
});

/** The buffers that belong to the samples alone and can be transferred to another thread; shared ones are copied. */
export function ownMemory(...samples: readonly (PairedSample | undefined)[]): ArrayBuffer[] {
  return samples.flatMap((sample) => {
    const views = sample === undefined ? [] : [sample.image, sample.mask];
    return views.flatMap(({ buffer, byteLength }) =>
      buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [],
    );
  });
}
