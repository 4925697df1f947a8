/** Per-pixel confidence of a predicted mask. */

/**
 * The probability of each pixel's predicted class, H×W.
 *
 * @param probabilities K×H×W.
 */
export function confidenceOf(mask: Uint8Array, probabilities: Float32Array): Float32Array {
  const size = mask.length;
  const chosen = new Float32Array(size);
  for (let i = 0; i < size; i++) chosen[i] = probabilities[mask[i]! * size + i]!;
  return chosen;
}
