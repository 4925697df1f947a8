/**
 * Chooses between whole images that are resized and patches at source scale, from the masks: see `docs/patches.md`.
 * The functions are pure; `data-facts.ts` measures the facts.
 */
import type { PixelSize } from '../settings/index.js';

/** Facts about the scale of images and their objects, from a few training samples. */
export interface ScaleFacts {
  /** Sizes of the images. */
  readonly sizes: readonly PixelSize[];
  /** Mean width of the objects of each image, in pixels. */
  readonly objects: readonly number[];
  /** The mean IoU of perfect predictions at a smaller scale (0 … 1), at the size of the images. */
  readonly scoreAfterShrinking: (scale: number) => number;
}

/** The size of patches if the masks do not suggest another. */
export const DEFAULT_PATCH: PixelSize = { height: 256, width: 256 };

/** Below this, shrinking loses too much. Predictions at the smaller size are not perfect, so the real loss is larger. */
const LEAST_SCORE = 0.93;
/** Images are of mixed sizes if the larger ones have sides this many times as long as the smaller ones. */
const MIXED_SIZES = 1.5;
/** The side of patches as a multiple of the objects' width: an object and what surrounds it. */
const OBJECTS_PER_SIDE = 12;
/** A patch has to hold at least this many widths of an object. */
const LEAST_OBJECTS = 8;
const SIDE_STEP = 32;
const LEAST_SIDE = 192;
const MOST_SIDE = 320;

/** Patches for these images. @param step sides are multiples of this. */
export function patchSize({ sizes, objects }: ScaleFacts, step = SIDE_STEP): PixelSize {
  const wanted = objects.length === 0 ? DEFAULT_PATCH.height : OBJECTS_PER_SIDE * middle(objects);
  const side = Math.min(MOST_SIDE, Math.max(LEAST_SIDE, wanted));
  // Most images should hold a whole patch.
  const along = (of: (size: PixelSize) => number) =>
    Math.max(step, Math.floor(Math.min(side, middle(sizes.map(of))) / step) * step);
  return { height: along(({ height }) => height), width: along(({ width }) => width) };
}

/**
 * Why patches suit these images better than resizing them to `size`; undefined if they do not.
 */
export function reasonForPatches(facts: ScaleFacts, size: PixelSize): string | undefined {
  const { sizes, objects } = facts;
  // What surrounds wide objects would not fit into a patch.
  if (objects.length === 0 || middle(objects) > MOST_SIDE / LEAST_OBJECTS) return undefined;
  const longest = sizes.map(({ height, width }) => Math.max(height, width));
  const scale = Math.max(size.height, size.width) / middle(longest);
  const score = scale < 1 ? facts.scoreAfterShrinking(scale) : 1;
  if (score < LEAST_SCORE) {
    return `objects are about ${rounded(middle(objects))} pixels wide: shrunk to ${size.height}×${size.width}, even a perfect mask has a mean IoU of ${rounded(score)}`;
  }
  const sorted = [...longest].sort((a, b) => a - b);
  const [small, large] = [sorted[Math.floor(0.1 * sorted.length)]!, sorted[Math.floor(0.9 * sorted.length)]!];
  if (large >= MIXED_SIZES * small && keepScale(longest, objects)) {
    return `images have sides from ${sorted[0]} to ${sorted.at(-1)}, objects about ${rounded(middle(objects))} pixels in all: resizing would make them differ`;
  }
  return undefined;
}

/** Whether the width of objects in pixels does not depend on the size of the image, as under a microscope. */
function keepScale(sides: readonly number[], objects: readonly number[]): boolean {
  const spreadOf = (values: readonly number[]) => {
    const logs = values.map(Math.log);
    const mean = logs.reduce((sum, each) => sum + each, 0) / logs.length;
    return logs.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  };
  return spreadOf(objects) < spreadOf(objects.map((width, i) => width / sides[i]!));
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function rounded(value: number): number {
  return Number(value.toPrecision(2));
}
