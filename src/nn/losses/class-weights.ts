/** Weights of classes in a loss, computed from how often each class occurs. */
import { UsageError } from '../../errors/index.js';

/**
 * The weight of a class with share s of the pixels: `inverse` is 1 ÷ s, `sqrt` is 1 ÷ √s (milder), `enet` is
 * 1 ÷ ln(1.02 + s), which is bounded (Paszke et al. 2016).
 */
export type ClassWeighting = 'inverse' | 'sqrt' | 'enet';

const WEIGHTINGS: Readonly<Record<ClassWeighting, (share: number) => number>> = {
  inverse: (share) => 1 / share,
  sqrt: (share) => 1 / Math.sqrt(share),
  enet: (share) => 1 / Math.log(1.02 + share),
};

export interface ClassWeightOptions {
  /** Default `inverse`. */
  readonly weighting?: ClassWeighting;
  /**
   * For each class, the number of pixels of the images that contain it; default: all pixels. With `inverse` this
   * is median frequency balancing (Eigen & Fergus 2015; SegNet) up to a common factor.
   */
  readonly within?: readonly number[];
}

/**
 * Weights for `classWeights` of the losses, scaled so that their mean over all pixels is 1: a learning rate that
 * suits no weights then suits these. A class without pixels has weight 0.
 *
 * @param pixels of each class in the training part, without ignored ones
 * @throws UsageError if no class has a pixel, or the counts contradict each other
 */
export function classWeightsOf(pixels: readonly number[], options: ClassWeightOptions = {}): number[] {
  const { weighting = 'inverse', within } = options;
  const total = pixels.reduce((sum, count) => sum + count, 0);
  if (!(total > 0) || !pixels.every((count) => count >= 0)) {
    throw new UsageError(
      `class weights need counts of pixels, one of them above 0, not ${pixels.join(', ')}`,
    );
  }
  if (within && !(within.length === pixels.length && pixels.every((count, i) => within[i]! >= count))) {
    throw new UsageError(
      `class weights: images that contain a class have at least as many pixels as the class (${pixels.join(', ')}), not ${within.join(', ')}`,
    );
  }
  const raw = pixels.map((count, i) =>
    count > 0 ? WEIGHTINGS[weighting](count / (within?.[i] ?? total)) : 0,
  );
  const mean = raw.reduce((sum, weight, i) => sum + weight * pixels[i]!, 0) / total;
  return raw.map((weight) => weight / mean);
}
