/** Rotation, scale, translation and shear, combined in one matrix so that the image is resampled only once. */
import { UsageError } from '../../errors/index.js';
import type { Random } from '../../random/index.js';
import { type PairedSample, sometimes, type Transform } from '../paired-sample.js';
import { warp } from './warp.js';
import { portable } from '../portable.js';

/** An affine map about the image centre: shear, then scale and rotate, then translate (torchvision's `affine`). */
export interface AffineMap {
  /** Degrees, clockwise. */
  readonly rotation: number;
  readonly scale: number;
  /** Pixels to the right and down. */
  readonly translation: readonly [x: number, y: number];
  /** Degrees along x and y. */
  readonly shear: readonly [x: number, y: number];
}

/** A range of values; a number x means −x … x. */
export type Range = number | readonly [low: number, high: number];

export interface RandomAffineOptions {
  /** Degrees. */
  readonly rotation?: Range;
  /** Factor; a number s means 1 − s … 1 + s. */
  readonly scale?: Range;
  /** As a fraction of the width and of the height. */
  readonly translation?: Range;
  /** Degrees, drawn for each axis. */
  readonly shear?: Range;
  /** Image value for points outside the input image; default 0. */
  readonly fill?: number;
  /** Probability; default 1. */
  readonly p?: number;
}

const IDENTITY: AffineMap = { rotation: 0, scale: 1, translation: [0, 0], shear: [0, 0] };

/**
 * Applies a map to image and mask.
 * @throws UsageError for a scale that is not above 0.
 */
export const affine = portable('affine', (map: Partial<AffineMap>, fill: number = 0): Transform => {
  const whole = { ...IDENTITY, ...map };
  return (sample) => applyAffine(sample, whole, fill);
});

/** Applies a random map, drawn separately for each sample. */
export const randomAffine = portable('randomAffine', (options: RandomAffineOptions): Transform => {
  const { rotation = 0, translation = 0, shear = 0, fill = 0, p = 1 } = options;
  const scale = options.scale ?? 0;
  const scales = typeof scale === 'number' ? ([1 - scale, 1 + scale] as const) : scale;
  if (!(scales[0] > 0)) throw new UsageError(`The scale starts at ${scales[0]}; it must be above 0.`);
  return sometimes(p, (sample, random) => {
    const map: AffineMap = {
      rotation: drawFrom(rotation, random),
      scale: drawFrom(scales, random),
      translation: [
        drawFrom(translation, random) * sample.width,
        drawFrom(translation, random) * sample.height,
      ],
      shear: [drawFrom(shear, random), drawFrom(shear, random)],
    };
    return applyAffine(sample, map, fill);
  });
});

/** Rotates by a random angle within ±degrees. */
export const rotate = portable('rotate', (degrees: Range, p: number = 1): Transform => {
  return randomAffine({ rotation: degrees, p });
});

/** Draws a uniform random number from a range. */
export function drawFrom(range: Range, random: Random): number {
  const [low, high] = typeof range === 'number' ? [-range, range] : range;
  return random.uniform(low, high);
}

/**
 * The matrix rows (a, b, c) and (d, e, f) that map an output point to its input point: x′ = a·x + b·y + c, y′ =
 * d·x + e·y + f. Points are in pixels; the image spans 0 to width and 0 to height.
 */
export function inverseMatrix(map: AffineMap, width: number, height: number): readonly number[] {
  const { scale } = map;
  if (!(scale > 0)) throw new UsageError(`The scale is ${scale}; it must be above 0.`);
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const angle = radians(map.rotation);
  const [tanX, tanY] = [Math.tan(radians(map.shear[0])), Math.tan(radians(map.shear[1]))];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  // Forward: rotation · scale · [1 0; −tanY 1] · [1 −tanX; 0 1], whose determinant is scale².
  const [s00, s01, s10, s11] = [1, -tanX, -tanY, 1 + tanX * tanY];
  const m00 = scale * (cos * s00 - sin * s10);
  const m01 = scale * (cos * s01 - sin * s11);
  const m10 = scale * (sin * s00 + cos * s10);
  const m11 = scale * (sin * s01 + cos * s11);
  const determinant = scale * scale;
  const [a, b, d, e] = [m11 / determinant, -m01 / determinant, -m10 / determinant, m00 / determinant];
  const [cx, cy] = [width / 2, height / 2];
  const [ox, oy] = [cx + map.translation[0], cy + map.translation[1]];
  return [a, b, cx - a * ox - b * oy, d, e, cy - d * ox - e * oy];
}

function applyAffine(sample: PairedSample, map: AffineMap, fill: number): PairedSample {
  const [a, b, c, d, e, f] = inverseMatrix(map, sample.width, sample.height) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const { width } = sample;
  return warp(
    sample,
    (y, xs, ys) => {
      const rowX = b * (y + 0.5) + c;
      const rowY = e * (y + 0.5) + f;
      for (let x = 0; x < width; x++) {
        xs[x] = a * (x + 0.5) + rowX;
        ys[x] = d * (x + 0.5) + rowY;
      }
    },
    fill,
  );
}
