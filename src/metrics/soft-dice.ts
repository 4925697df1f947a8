/**
 * Dice of probabilities instead of masks, for one batch, as the Dice loss computes it. Some published work reports
 * this score. It depends on how samples are divided into batches, and a batch without foreground that is
 * predicted as such scores near 1.
 */
import { ShapeError } from '../errors/index.js';
import { IGNORE_INDEX } from './confusion-matrix.js';

/**
 * (2 Σ p·t + smooth) / (Σ p + Σ t + smooth) over all pixels of the batch that are not ignored.
 *
 * @param probabilities of the foreground, in [0, 1]. @param target 1 for foreground, 0 otherwise.
 * @throws ShapeError if the two differ in length.
 */
export function softDice(
  probabilities: Float32Array,
  target: Uint8Array,
  { smooth = 1, ignore = IGNORE_INDEX }: { smooth?: number; ignore?: number } = {},
): number {
  if (probabilities.length !== target.length) {
    throw new ShapeError(
      `softDice: ${probabilities.length} probabilities and ${target.length} true pixels; both must have the same size.`,
    );
  }
  const n = target.length;
  let both = 0;
  let predicted = 0;
  let truth = 0;
  for (let i = 0; i < n; i++) {
    const t = target[i]!;
    if (t === ignore) continue;
    const p = probabilities[i]!;
    both += p * t;
    predicted += p;
    truth += t;
  }
  return (2 * both + smooth) / (predicted + truth + smooth);
}
