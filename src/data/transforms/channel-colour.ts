/**
 * Brightness, contrast and saturation as TensorFlow's `tf.image` has them: brightness is added, contrast acts
 * on each channel about its own mean, saturation on the S of HSV; values leave 0…1 in between and are clipped
 * once, at the end. (`colour.ts` has torchvision's: a factor, about the mean grey, towards each pixel's grey.)
 */
import { UsageError } from '../../errors/index.js';
import type { PairedSample, Transform } from '../paired-sample.js';
import { portable } from '../portable.js';

export interface ChannelColourOptions {
  /** Added to all values, drawn from ± this; in 0…1. */
  readonly brightness: number;
  /** Range of the factor on the distance from the channel's mean. */
  readonly contrast: readonly [low: number, high: number];
  /** Range of the factor on the saturation. Images that are not RGB keep theirs. */
  readonly saturation: readonly [low: number, high: number];
}

/** Draws all three for each sample. Throws UsageError for a range that is not in order, from 0. */
export const channelColour = portable(
  'channelColour',
  ({ brightness, contrast, saturation }: ChannelColourOptions): Transform => {
    for (const [low, high] of [[0, brightness], contrast, saturation] as const) {
      if (!(low >= 0 && high >= low)) {
        throw new UsageError(`A range from ${low} to ${high}; it starts at 0 or above and does not fall.`);
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
 * With hue and value kept, every channel is V · (1 − S · k) for a k of its own: scaling S scales the distance
 * from V. Where V is not above 0 the pixel is black after clipping, whatever its saturation.
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
