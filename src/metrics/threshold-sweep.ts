/**
 * The best threshold for two classes, from histograms of probabilities: one pass over each batch gives the score
 * of every threshold. The bins are 1/1024 wide: their edges are float32 numbers, so thresholding at the chosen
 * value gives exactly the mask that was scored.
 */
import { PixelwiseError, ShapeError } from '../errors/index.js';
import { IGNORE_INDEX } from './confusion-matrix.js';
import { dice } from './scores.js';

const BINS = 1024;

/** A threshold and its score. A pixel is foreground if its probability is at least `threshold`. */
export interface ThresholdScore {
  readonly threshold: number;
  /** Dice of the foreground over all pixels. */
  readonly dice: number;
}

export class ThresholdSweep {
  private readonly foreground = new Float64Array(BINS + 1);
  private readonly background = new Float64Array(BINS + 1);

  /**
   * Adds a batch.
   * @param probabilities of the foreground, in [0, 1]. @param target 1 for foreground, 0 otherwise.
   * @param ignore pixels with this true class are left out.
   * @throws ShapeError if the two differ in length.
   * @throws PixelwiseError `probability` or `class-index` if a value is out of range.
   */
  add(probabilities: Float32Array, target: Uint8Array, ignore = IGNORE_INDEX): this {
    if (probabilities.length !== target.length) {
      throw new ShapeError(
        `ThresholdSweep: ${probabilities.length} probabilities and ${target.length} true pixels; both must have the same size.`,
      );
    }
    const n = target.length;
    for (let i = 0; i < n; i++) {
      const t = target[i]!;
      if (t === ignore) continue;
      const p = probabilities[i]!;
      if (!(p >= 0 && p <= 1)) {
        throw new PixelwiseError(
          'probability',
          `ThresholdSweep: pixel ${i} has probability ${p}; it must be in [0, 1]. Pass probabilities, not logits.`,
        );
      }
      if (t > 1) {
        throw new PixelwiseError(
          'class-index',
          `ThresholdSweep: pixel ${i} has true class ${t}; a threshold needs two classes, 0 and 1 (${ignore} is ignored).`,
        );
      }
      // The last bin is for a probability of exactly 1.
      const bin = Math.floor(p * BINS);
      if (t === 1) this.foreground[bin]!++;
      else this.background[bin]!++;
    }
    return this;
  }

  /** Adds the histograms of another sweep. */
  merge(other: ThresholdSweep): this {
    for (let bin = 0; bin <= BINS; bin++) {
      this.foreground[bin]! += other.foreground[bin]!;
      this.background[bin]! += other.background[bin]!;
    }
    return this;
  }

  /** The Dice of each threshold from 1/1024 to 1023/1024; empty if the truth contains no foreground. */
  curve(): ThresholdScore[] {
    const truth = this.foreground.reduce((sum, count) => sum + count, 0);
    if (truth === 0) return [];
    const points: ThresholdScore[] = [];
    let tp = this.foreground[BINS]!;
    let fp = this.background[BINS]!;
    for (let bin = BINS - 1; bin > 0; bin--) {
      tp += this.foreground[bin]!;
      fp += this.background[bin]!;
      // Not null, because the truth contains foreground.
      points.push({ threshold: bin / BINS, dice: dice({ tp, fp, fn: truth - tp, tn: 0 })! });
    }
    return points.reverse();
  }

  /**
   * The threshold with the highest Dice; among equals, the one nearest to 0.5. Null if the truth contains no
   * foreground.
   */
  best(): ThresholdScore | null {
    let best: ThresholdScore | null = null;
    for (const point of this.curve()) {
      const nearer = best !== null && Math.abs(point.threshold - 0.5) < Math.abs(best.threshold - 0.5);
      if (best === null || point.dice > best.dice || (point.dice === best.dice && nearer)) best = point;
    }
    return best;
  }
}
