/**
 * Flips and quarter turns, for test-time augmentation: a model sees an image in several positions, and its
 * probabilities, brought back, are averaged.
 */
import { UsageError } from '../errors/index.js';
import { makePixels, maxValueOf, type Raster } from '../images/raster.js';
import type { Planes } from '../images/resize.js';

/** One of the eight symmetries of a square: rows and columns exchanged first, then mirrored. */
export interface Symmetry {
  readonly transposed: boolean;
  /** Left and right exchanged. */
  readonly mirrored: boolean;
  /** Top and bottom exchanged. */
  readonly flipped: boolean;
}

/**
 * In which positions an image is seen: `mirror` as it is and with left and right exchanged, for photos, which
 * have an up and a down; `flips` also upside down; `all` also turned by 90°, for what is seen from above.
 */
export type TestTimeAugmentation = 'mirror' | 'flips' | 'all';

const both = [false, true];

/** The positions of an augmentation, the image as it is first. */
export function symmetriesOf(augmentation: TestTimeAugmentation): readonly Symmetry[] {
  if (!['mirror', 'flips', 'all'].includes(augmentation)) {
    throw new UsageError(`The test-time augmentation is "${augmentation}"; it is mirror, flips or all.`);
  }
  return (augmentation === 'all' ? both : [false]).flatMap((transposed) =>
    (augmentation === 'mirror' ? [false] : both).flatMap((flipped) =>
      both.map((mirrored) => ({ transposed, flipped, mirrored })),
    ),
  );
}

/** The image in another position. */
export function applySymmetry(image: Raster, symmetry: Symmetry): Raster {
  const { channels, data } = image;
  const [width, height] = symmetry.transposed ? [image.height, image.width] : [image.width, image.height];
  const out = makePixels(maxValueOf(data), data.length);
  const { start, right, down } = walk(symmetry, image.width, image.height);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = start + y * down; x < width; x++, from += right) {
      for (let c = 0; c < channels; c++) out[to++] = data[from * channels + c]!;
    }
  }
  return { width, height, channels, data: out };
}

/** Adds planes of an image in another position, brought back, to `sum` (C×H×W of the image as it is). */
export function addRestored(planes: Planes, symmetry: Symmetry, sum: Float32Array): void {
  const [width, height] = symmetry.transposed ? [planes.height, planes.width] : [planes.width, planes.height];
  const { start, right, down } = walk(symmetry, width, height);
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
 * Where the pixels of an image in another position lie in the image as it is (width × height): the first
 * one's index, and the steps of a pixel to the right and of a line down.
 */
function walk({ transposed, mirrored, flipped }: Symmetry, width: number, height: number) {
  const [right, down] = transposed ? [width, 1] : [1, width];
  const [across, along] = transposed ? [height, width] : [width, height];
  const start = (mirrored ? (across - 1) * right : 0) + (flipped ? (along - 1) * down : 0);
  return { start, right: mirrored ? -right : right, down: flipped ? -down : down };
}
