/** How much each class should count in a loss, from how often it occurs. */
import { UsageError } from '../../errors/index.js';

/**
 * What a class weighs, by its share s of the pixels: `inverse` 1 ÷ s, `sqrt` 1 ÷ √s (gentler), `enet`
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
   * For each class, pixels of the images that hold it; default: all. With `inverse` the weights are then those
   * of median frequency balancing (Eigen & Fergus 2015; SegNet), but for their common scale.
   */
  readonly within?: readonly number[];
}

/**
 * Weights for `classWeights` of the losses, scaled so that the mean over all pixels is 1: learning rates keep
 * their meaning. A class without a pixel weighs 0.
 *
 * @param pixels of each class in the training part, ignored ones not counted
 * @throws UsageError where no class has a pixel, or counts do not fit together
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
      `class weights: the images that hold a class have at least its ${pixels.join(', ')} pixels, not ${within.join(', ')}`,
    );
  }
  const raw = pixels.map((count, i) =>
    count > 0 ? WEIGHTINGS[weighting](count / (within?.[i] ?? total)) : 0,
  );
  const mean = raw.reduce((sum, weight, i) => sum + weight * pixels[i]!, 0) / total;
  return raw.map((weight) => weight / mean);
}
