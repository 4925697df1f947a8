/** From probabilities to classes, as exported graphs decide: by a threshold for two classes, else the most probable. */

/**
 * The class of every pixel, written to `mask`. Of equal probabilities the first class counts.
 *
 * @param planes one plane for each class; for two classes the plane of class 1 alone
 * @param threshold for two classes: class 1 from this probability on
 */
export function decideClasses(
  planes: Float32Array,
  threshold: number | undefined,
  mask: Uint8Array,
): Uint8Array {
  const pixels = mask.length;
  if (threshold !== undefined) {
    // The graph compares in float32.
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
