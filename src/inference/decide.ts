/**
 * Turns probabilities into mask values as exported graphs do: threshold for two classes, argmax for more, and a threshold
 * for each of overlapping classes.
 */
import { setOf } from '../labels/label-set.js';

/** How mask values follow from probabilities. */
export interface Decision {
  /** Two classes: pixels with at least this probability are class 1. Overlapping classes: the same for each. */
  readonly threshold: number | undefined;
  /** Whether classes overlap: a mask value is then a set of them. */
  readonly multiLabel?: boolean | undefined;
}

/**
 * Writes the class of every pixel, or the set of its classes, to `mask`.
 *
 * @param planes one plane for each class; for two classes only the plane of class 1
 */
export function decideMask(
  planes: Float32Array,
  { threshold, multiLabel }: Decision,
  mask: Uint8Array,
): Uint8Array {
  return multiLabel === true ? decideSets(planes, threshold!, mask) : decideClasses(planes, threshold, mask);
}

/**
 * Writes the set of classes of every pixel to `mask`: those with at least the probability `threshold`.
 *
 * @param planes one plane for each class
 */
function decideSets(planes: Float32Array, threshold: number, mask: Uint8Array): Uint8Array {
  const limit = Math.fround(threshold);
  const pixels = mask.length;
  mask.fill(0);
  for (let k = 0, at = 0; at < planes.length; k++, at += pixels) {
    const bit = setOf(k);
    for (let i = 0; i < pixels; i++) if (planes[at + i]! >= limit) mask[i]! |= bit;
  }
  return mask;
}

/**
 * Writes the class of every pixel to `mask`. Of equal probabilities, the first class wins.
 *
 * @param planes one plane per class; for two classes only the plane of class 1
 * @param threshold for two classes: pixels with at least this probability are class 1
 */
export function decideClasses(
  planes: Float32Array,
  threshold: number | undefined,
  mask: Uint8Array,
): Uint8Array {
  const pixels = mask.length;
  if (threshold !== undefined) {
    // Exported graphs compare in float32.
    const limit = Math.fround(threshold);
    for (let i = 0; i < pixels; i++) mask[i] = planes[i]! >= limit ? 1 : 0;
    return mask;
  }
  for (let i = 0; i < pixels; i++) {
    let most = planes[i]!;
    let best = 0;
    for (let k = 1, at = i + pixels; at < planes.length; k++, at += pixels) {
      const value = planes[at]!;
      if (value > most) [most, best] = [value, k];
    }
    mask[i] = best;
  }
  return mask;
}
