/**
 * Flips and rotations by 90° for test-time augmentation: the model predicts transformed copies of an image, and the
 * probabilities are transformed back and averaged.
 */
import { UsageError } from '../errors/index.js';
import { makePixels, maxValueOf, type Raster } from '../images/raster.js';
import type { Planes } from '../images/resize.js';

/** One of the eight symmetries of a square: an optional transposition, then optional flips. */
export interface Symmetry {
  readonly transposed: boolean;
  /** Flipped horizontally. */
  readonly mirrored: boolean;
  /** Flipped vertically. */
  readonly flipped: boolean;
}

/**
 * The transforms of an image, besides the identity: `mirror` is the horizontal flip, for photos, which have a fixed
 * orientation; `flips` adds vertical flips; `all` adds rotations by 90°, for images taken from above.
 */
export type TestTimeAugmentation = 'mirror' | 'flips' | 'all';

const both = [false, true];

/** The transforms of an augmentation, the identity first. */
export function symmetriesOf(augmentation: TestTimeAugmentation): readonly Symmetry[] {
  if (!['mirror', 'flips', 'all'].includes(augmentation)) {
    throw new UsageError(`The test-time augmentation must be mirror, flips or all; got "${augmentation}".`);
  }
  return (augmentation === 'all' ? both : [false]).flatMap((transposed) =>
    (augmentation === 'mirror' ? [false] : both).flatMap((flipped) =>
      both.map((mirrored) => ({ transposed, flipped, mirrored })),
    ),
  );
}

/** Transforms an image. */
export function applySymmetry(image: Raster, symmetry: Symmetry): Raster {
  const { channels, data } = image;
  const [width, height] = symmetry.transposed ? [image.height, image.width] : [image.width, image.height];
  const out = makePixels(maxValueOf(data), data.length);
  const { start, right, down } = strides(symmetry, image.width, image.height);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = start + y * down; x < width; x++, from += right) {
      for (let c = 0; c < channels; c++) out[to++] = data[from * channels + c]!;
    }
  }
  return { width, height, channels, data: out };
}

/** Transforms the planes of a transformed image back and adds them to `sum` (C×H×W of the original image). */
export function addRestored(planes: Planes, symmetry: Symmetry, sum: Float32Array): void {
  const [width, height] = symmetry.transposed ? [planes.height, planes.width] : [planes.width, planes.height];
  const { start, right, down } = strides(symmetry, width, height);
  const size = width * height;
  for (let c = 0, from = 0; c < planes.channels; c++) {
    for (let y = 0; y < planes.height; y++) {
      for (let x = 0, to = c * size + start + y * down; x < planes.width; x++, to += right) {
        sum[to] = sum[to]! + planes.data[from++]!;
      }
    }
  }
}

/**
 * How to traverse the original image (width × height) in the pixel order of the transformed one: the index of its
 * first pixel, and the strides for one pixel to the right and one row down.
 */
function strides({ transposed, mirrored, flipped }: Symmetry, width: number, height: number) {
  const [right, down] = transposed ? [width, 1] : [1, width];
  const [across, along] = transposed ? [height, width] : [width, height];
  const start = (mirrored ? (across - 1) * right : 0) + (flipped ? (along - 1) * down : 0);
  return { start, right: mirrored ? -right : right, down: flipped ? -down : down };
}
