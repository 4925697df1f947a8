/**
 * Augmentation by name: single transforms, as in `--augment flip,rotate:15`, and presets. In a program, use the
 * functions in `transforms/`, which have more options, or your own functions.
 */
import { UsageError } from '../errors/index.js';
import { didYouMean } from '../settings/index.js';
import { oneOf, sometimes, type Transform } from './paired-sample.js';
import { randomAffine, rotate } from './transforms/affine.js';
import { brightness, colourJitter, contrast, gamma, hue, saturation } from './transforms/colour.js';
import { blur, coarseDropout, jpegArtefacts, noise } from './transforms/degrade.js';
import { channelColour } from './transforms/channel-colour.js';
import { elastic, gridDistortion } from './transforms/elastic.js';
import { horizontalFlip, quarterTurns, verticalFlip } from './transforms/flip.js';
import { maskAsImage } from './transforms/mask-as-image.js';

interface NamedTransform {
  /** What the number after the colon means. */
  readonly value: string;
  readonly default: number;
  readonly make: (value: number) => Transform;
}

/** Transforms for `--augment`. Each takes one number after a colon. */
export const TRANSFORMS: Readonly<Record<string, NamedTransform>> = {
  flip: { value: 'probability', default: 0.5, make: (p) => horizontalFlip(p) },
  'vertical-flip': { value: 'probability', default: 0.5, make: (p) => verticalFlip(p) },
  turns: { value: 'probability', default: 1, make: (p) => quarterTurns(p) },
  rotate: {
    value: 'largest angle in degrees, in both directions',
    default: 15,
    make: (degrees) => rotate(degrees),
  },
  scale: {
    value: 'largest change, as a fraction, in both directions',
    default: 0.1,
    make: (share) => randomAffine({ scale: share }),
  },
  translate: {
    value: 'largest shift, as a fraction of the side',
    default: 0.1,
    make: (share) => randomAffine({ translation: share }),
  },
  shear: {
    value: 'largest angle in degrees, in both directions',
    default: 8,
    make: (degrees) => randomAffine({ shear: degrees }),
  },
  elastic: { value: 'alpha in pixels', default: 120, make: (alpha) => elastic({ alpha, p: 0.5 }) },
  grid: {
    value: 'largest distortion of a cell, below 1',
    default: 0.3,
    make: (limit) => gridDistortion({ limit, p: 0.5 }),
  },
  brightness: {
    value: 'largest change, as a fraction, in both directions',
    default: 0.2,
    make: (share) => brightness(share),
  },
  contrast: {
    value: 'largest change, as a fraction, in both directions',
    default: 0.2,
    make: (share) => contrast(share),
  },
  saturation: {
    value: 'largest change, as a fraction, in both directions',
    default: 0.2,
    make: (share) => saturation(share),
  },
  hue: {
    value: 'largest turn of the hue, as a fraction of the circle, up to 0.5',
    default: 0.05,
    make: (turn) => hue(turn),
  },
  gamma: { value: 'largest power, from 1', default: 1.5, make: (most) => gamma(1 / most, most) },
  noise: {
    value: 'largest standard deviation, for values in 0…1',
    default: 0.05,
    make: (most) => noise(0, most, 0.5),
  },
  blur: { value: 'largest standard deviation in pixels', default: 1.5, make: (most) => blur(0, most, 0.5) },
  jpeg: { value: 'lowest quality', default: 40, make: (least) => jpegArtefacts(least, 95, 0.5) },
  dropout: { value: 'number of holes', default: 8, make: (holes) => coarseDropout({ holes, p: 0.5 }) },
};

/** Lists of transforms by name. */
export const PRESETS: Readonly<Record<string, () => Transform[]>> = {
  none: () => [],
  /** For photographs: mirroring, small moves, small changes of light. */
  light: () => [
    horizontalFlip(),
    randomAffine({ rotation: 10, scale: 0.1, translation: 0.05, p: 0.5 }),
    colourJitter({ brightness: 0.2, contrast: 0.2, saturation: 0.2, p: 0.5 }),
  ],
  /** For slices and microscopy: any orientation, elastic tissue, no colours to change. */
  medical: () => [
    horizontalFlip(),
    verticalFlip(),
    randomAffine({ rotation: 15, scale: 0.1, translation: 0.05, p: 0.7 }),
    elastic({ p: 0.3 }),
    gamma(0.7, 1.5, 0.3),
    noise(0, 0.05, 0.2),
  ],
  /** For few images and long training. */
  heavy: () => [
    horizontalFlip(),
    randomAffine({ rotation: 30, scale: 0.25, translation: 0.1, shear: 10, p: 0.8 }),
    sometimes(0.3, oneOf(elastic(), gridDistortion())),
    colourJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1, p: 0.8 }),
    sometimes(0.3, oneOf(noise(0, 0.08), blur(0, 2), jpegArtefacts(20, 90))),
    coarseDropout({ p: 0.3 }),
  ],
  'pets-mobilenet-unet': () => [verticalFlip()],
  'brain-mri-unet': () => [horizontalFlip(), randomAffine({ scale: 0.05, rotation: 15 })],
  // Drawn as 1 ± 15 degrees anticlockwise, and masks interpolated.
  'brain-mri-unet-as-published': () => [
    horizontalFlip(),
    maskAsImage(randomAffine({ scale: 0.05, rotation: [-16, 14] })),
  ],
  'carvana-unet': () => [channelColour({ brightness: 0.3, contrast: [0.7, 1.3], saturation: [0.7, 1.3] })],
  // Contrast and saturation are only ever lowered.
  'carvana-unet-as-published': () => [
    channelColour({ brightness: 0.3, contrast: [0.5, 0.7], saturation: [0.5, 0.7] }),
  ],
  'pets-segnet': () => [horizontalFlip(), contrast(0.3)],
};

/**
 * Parses `light`, `flip,rotate:15,brightness:0.3` or `none`: names of presets and transforms, applied in order.
 *
 * @throws UsageError that lists the names, for an unknown name or a value that is no number.
 */
export function parseAugmentation(list: string): Transform[] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .flatMap((item) => {
      const [name, given, ...more] = item.split(':');
      const preset = PRESETS[name!];
      if (preset !== undefined && given === undefined) return preset();
      const transform = TRANSFORMS[name!];
      if (transform === undefined) {
        throw new UsageError(
          `There is no augmentation "${name}"; presets are ${Object.keys(PRESETS).join(', ')}; transforms are ` +
            `${Object.keys(TRANSFORMS).join(', ')}.${didYouMean(name!, [...Object.keys(PRESETS), ...Object.keys(TRANSFORMS)])}`,
        );
      }
      const value = given === undefined ? transform.default : Number(given);
      if (more.length > 0 || given === '' || !Number.isFinite(value)) {
        throw new UsageError(
          `"${item}": write one number after the colon (${transform.value}), as in ${name}:${transform.default}.`,
        );
      }
      return [transform.make(value)];
    });
}
