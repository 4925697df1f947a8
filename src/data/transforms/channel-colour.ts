/**
 * Brightness, contrast and saturation as in TensorFlow's `tf.image`: brightness is added, contrast scales each
 * channel around its own mean, saturation scales the S of HSV. Values are clipped to 0…1 only once, at the end.
 * (`colour.ts` has torchvision's versions, which multiply, scale around the mean grey, and blend with each
 * pixel's grey.)
 */
import { UsageError } from '../../errors/index.js';
import type { PairedSample, Transform } from '../paired-sample.js';
import { portable } from '../portable.js';

export interface ChannelColourOptions {
  /** Maximum amount added to or subtracted from all values (which are in 0…1). */
  readonly brightness: number;
  /** Range of the factor that scales the distance from the channel's mean. */
  readonly contrast: readonly [low: number, high: number];
  /** Range of the factor that scales the saturation. Only for RGB images. */
  readonly saturation: readonly [low: number, high: number];
}

/**
 * Draws all three for each sample.
 * @throws UsageError for a range that is negative or descending.
 */
export const channelColour = portable(
  'channelColour',
  ({ brightness, contrast, saturation }: ChannelColourOptions): Transform => {
    for (const [low, high] of [[0, brightness], contrast, saturation] as const) {
      if (!(low >= 0 && high >= low)) {
        throw new UsageError(`The range is ${low} to ${high}; it must be ascending and start at 0 or above.`);
      }
    }
    return (sample, random) =>
      adjustChannelColour(
        sample,
        random.uniform(-brightness, brightness),
        random.uniform(...contrast),
        random.uniform(...saturation),
      );
  },
);

/** x + shift; mean + (x − mean) · contrast by channel; S · saturation (at most 1) in HSV; clipped. In place. */
export function adjustChannelColour(
  sample: PairedSample,
  shift: number,
  contrast: number,
  saturation: number,
): PairedSample {
  const { image, channels } = sample;
  const plane = image.length / channels;
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let i = c * plane; i < (c + 1) * plane; i++) sum += image[i]!;
    const mean = sum / plane;
    const offset = shift + mean * (1 - contrast);
    for (let i = c * plane; i < (c + 1) * plane; i++) image[i] = image[i]! * contrast + offset;
  }
  if (channels === 3) saturate(image, saturation);
  for (let i = 0; i < image.length; i++) image[i] = Math.min(1, Math.max(0, image[i]!));
  return sample;
}

/**
 * For constant hue and value, each channel is V · (1 − S · k) with a constant k, so scaling S scales the distance
 * from V. If V ≤ 0 the pixel is black after clipping, whatever its saturation.
 */
function saturate(image: Float32Array, factor: number): void {
  const plane = image.length / 3;
  for (let i = 0, j = plane, k = 2 * plane; i < plane; i++, j++, k++) {
    const value = Math.max(image[i]!, image[j]!, image[k]!);
    const range = value - Math.min(image[i]!, image[j]!, image[k]!);
    if (!(value > 0) || range === 0) continue;
    const share = Math.min(factor, value / range);
    image[i] = value - (value - image[i]!) * share;
    image[j] = value - (value - image[j]!) * share;
    image[k] = value - (value - image[k]!) * share;
  }
}
