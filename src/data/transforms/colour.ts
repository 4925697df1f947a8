/**
 * Brightness, contrast, saturation, hue and gamma. Image values stay in 0…1; the mask does not change. The
 * formulas are those of torchvision's `functional` for float images. Hue and saturation change only RGB images.
 */
import { UsageError } from '../../errors/index.js';
import type { Random } from '../../random/index.js';
import { type PairedSample, sometimes, type Transform } from '../paired-sample.js';
import { portable } from '../portable.js';

/** Range of a factor; a number x means 1 − x … 1 + x (but not below 0). */
export type Factor = number | readonly [low: number, high: number];

/** Multiplies all values by a random factor. */
export const brightness = portable('brightness', (factor: Factor, p: number = 1): Transform => {
  return randomFactor(factor, p, adjustBrightness);
});

/** Scales the distance from the mean grey of the image by a random factor. */
export const contrast = portable('contrast', (factor: Factor, p: number = 1): Transform => {
  return randomFactor(factor, p, adjustContrast);
});

/** Scales the distance of mapValues pixel from its own grey by a random factor. */
export const saturation = portable('saturation', (factor: Factor, p: number = 1): Transform => {
  return randomFactor(factor, p, adjustSaturation);
});

/** Rotates the hue by up to ± `turn` of the colour circle (0…0.5). */
export const hue = portable('hue', (turn: number, p: number = 1): Transform => {
  if (!(turn >= 0 && turn <= 0.5))
    throw new UsageError(`The hue is ${turn}; it must be in 0…0.5 of the colour circle.`);
  return sometimes(p, (sample, random) => adjustHue(sample, random.uniform(-turn, turn)));
});

/** Raises values to a power randomFactor log-uniformly from the range. */
export const gamma = portable('gamma', (low: number, high: number, p: number = 1): Transform => {
  if (!(low > 0 && high >= low))
    throw new UsageError(`The gamma range is ${low} to ${high}; it must be ascending and above 0.`);
  return sometimes(p, (sample, random) =>
    adjustGamma(sample, Math.exp(random.uniform(Math.log(low), Math.log(high)))),
  );
});

export interface ColourJitterOptions {
  readonly brightness?: Factor;
  readonly contrast?: Factor;
  readonly saturation?: Factor;
  readonly hue?: number;
  readonly p?: number;
}

/** Applies the given changes in random order (torchvision's ColorJitter). */
export const colourJitter = portable('colourJitter', (options: ColourJitterOptions): Transform => {
  const steps: Transform[] = [];
  if (options.brightness !== undefined) steps.push(brightness(options.brightness));
  if (options.contrast !== undefined) steps.push(contrast(options.contrast));
  if (options.saturation !== undefined) steps.push(saturation(options.saturation));
  if (options.hue !== undefined) steps.push(hue(options.hue));
  return sometimes(options.p ?? 1, (sample, random) =>
    random.shuffle([...steps]).reduce((current, step) => step(current, random), sample),
  );
});

/** Adds a random number within ± `most` to all values (TensorFlow's random_brightness). */
export const brightnessShift = portable('brightnessShift', (most: number, p: number = 1): Transform => {
  return sometimes(p, (sample, random) => {
    const shift = random.uniform(-most, most);
    return mapValues(sample, (value) => value + shift);
  });
});

function randomFactor(
  factor: Factor,
  p: number,
  adjust: (sample: PairedSample, factor: number) => PairedSample,
): Transform {
  const [low, high] = typeof factor === 'number' ? [Math.max(0, 1 - factor), 1 + factor] : factor;
  if (!(low >= 0 && high >= low))
    throw new UsageError(
      `The factor range is ${low} to ${high}; it must be ascending and start at 0 or above.`,
    );
  return sometimes(p, (sample, random: Random) => adjust(sample, random.uniform(low, high)));
}

/** Rec. 601 luma weights, rounded as in torchvision. */
const [RED, GREEN, BLUE] = [0.2989, 0.587, 0.114] as const;

function clamp(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

function mapValues(sample: PairedSample, change: (value: number) => number): PairedSample {
  const { image } = sample;
  for (let i = 0; i < image.length; i++) image[i] = clamp(change(image[i]!));
  return sample;
}

/** value · factor, in place. */
export function adjustBrightness(sample: PairedSample, factor: number): PairedSample {
  const { image } = sample;
  for (let i = 0; i < image.length; i++) image[i] = clamp(image[i]! * factor);
  return sample;
}

/** mean + (value − mean) · factor, in place, with the mean of the grey image. */
export function adjustContrast(sample: PairedSample, factor: number): PairedSample {
  const { image, channels } = sample;
  const plane = image.length / channels;
  let sum = 0;
  if (channels === 3) {
    for (let i = 0; i < plane; i++)
      sum += RED * image[i]! + GREEN * image[plane + i]! + BLUE * image[2 * plane + i]!;
  } else for (let i = 0; i < image.length; i++) sum += image[i]! / channels;
  const shift = (1 - factor) * (sum / plane);
  for (let i = 0; i < image.length; i++) image[i] = clamp(image[i]! * factor + shift);
  return sample;
}

/** grey + (value − grey) · factor, in place. */
export function adjustSaturation(sample: PairedSample, factor: number): PairedSample {
  const { image, channels } = sample;
  if (channels !== 3) return sample;
  const plane = image.length / 3;
  for (let i = 0, j = plane, k = 2 * plane; i < plane; i++, j++, k++) {
    const red = image[i]!;
    const green = image[j]!;
    const blue = image[k]!;
    const shift = (1 - factor) * (RED * red + GREEN * green + BLUE * blue);
    image[i] = clamp(red * factor + shift);
    image[j] = clamp(green * factor + shift);
    image[k] = clamp(blue * factor + shift);
  }
  return sample;
}

/** value ^ power, in place. */
export function adjustGamma(sample: PairedSample, power: number): PairedSample {
  return mapValues(sample, (value) => value ** power);
}

/** Rotates the hue by `turn` of the colour circle, in place, via HSV (Smith 1978). */
export function adjustHue(sample: PairedSample, turn: number): PairedSample {
  const { image, channels } = sample;
  if (channels !== 3) return sample;
  const plane = image.length / 3;
  for (let i = 0, j = plane, k = 2 * plane; i < plane; i++, j++, k++) {
    const red = image[i]!;
    const green = image[j]!;
    const blue = image[k]!;
    const most = red > green ? (red > blue ? red : blue) : green > blue ? green : blue;
    const least = red < green ? (red < blue ? red : blue) : green < blue ? green : blue;
    const span = most - least;
    if (span === 0) continue;
    // The hue in sixths of the colour circle.
    let angle =
      most === red
        ? (green - blue) / span
        : most === green
          ? 2 + (blue - red) / span
          : 4 + (red - green) / span;
    angle += 6 * turn;
    angle -= 6 * Math.floor(angle / 6);
    const sector = Math.floor(angle);
    const part = angle - sector;
    const falling = most - span * part;
    const rising = most - span * (1 - part);
    switch (sector % 6) {
      case 0:
        [image[i], image[j], image[k]] = [most, rising, least];
        break;
      case 1:
        [image[i], image[j], image[k]] = [falling, most, least];
        break;
      case 2:
        [image[i], image[j], image[k]] = [least, most, rising];
        break;
      case 3:
        [image[i], image[j], image[k]] = [least, falling, most];
        break;
      case 4:
        [image[i], image[j], image[k]] = [rising, least, most];
        break;
      default:
        [image[i], image[j], image[k]] = [most, least, falling];
    }
  }
  return sample;
}
