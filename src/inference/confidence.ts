/** Per-pixel confidence of a predicted mask. */
import { hasClass } from '../labels/label-set.js';

/**
 * The probability of each pixel's predicted class, H×W. Of overlapping classes, the probability of the least certain of
 * the decisions for or against each.
 *
 * @param probabilities K×H×W. @param multiLabel whether the mask holds sets of classes.
 */
export function confidenceOf(
  mask: Uint8Array,
  probabilities: Float32Array,
  multiLabel = false,
): Float32Array {
  const size = mask.length;
  const chosen = new Float32Array(size);
  if (!multiLabel) {
    for (let i = 0; i < size; i++) chosen[i] = probabilities[mask[i]! * size + i]!;
    return chosen;
  }
  chosen.fill(1);
  for (let k = 0, at = 0; at < probabilities.length; k++, at += size) {
    for (let i = 0; i < size; i++) {
      const p = probabilities[at + i]!;
      chosen[i] = Math.min(chosen[i]!, hasClass(mask[i]!, k) ? p : 1 - p);
    }
  }
  return chosen;
}
