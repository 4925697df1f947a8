/**
 * The best threshold for two classes, from histograms of probabilities: one pass over each batch, then
 * every threshold at once. The bins are 1/1024 wide, so that their edges are float32 numbers and a mask
 * cut at the chosen threshold is exactly the one that was scored.
 */
import { PixelwiseError, ShapeError } from '../errors/index.js';
import { IGNORE_INDEX } from './confusion-matrix.js';
import { dice } from './scores.js';

const BINS = 1024;

/** A threshold and what it reaches. A pixel is foreground where its probability is at least `threshold`. */
export interface ThresholdScore {
  readonly threshold: number;
  /** Dice of the foreground, all pixels pooled. */
  readonly dice: number;
}

export class ThresholdSweep {
  private readonly foreground = new Float64Array(BINS + 1);
  private readonly background = new Float64Array(BINS + 1);

  /**
   * Takes in a batch.
   * @param probabilities of the foreground, in [0, 1]. @param target 1 where foreground, 0 elsewhere.
   * @param ignore pixels whose true class is this are left out.
   * @throws ShapeError where the two differ in length.
   * @throws PixelwiseError `probability` or `class-index` where a value is out of its range.
   */
  add(probabilities: Float32Array, target: Uint8Array, ignore = IGNORE_INDEX): this {
    if (probabilities.length !== target.length) {
      throw new ShapeError(
        `ThresholdSweep: ${probabilities.length} probabilities and ${target.length} true pixels; both must have one size.`,
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
          `ThresholdSweep: pixel ${i} has true class ${t}; a threshold is for two classes, 0 and 1 (${ignore} is ignored).`,
        );
      }
      // A probability of 1 has the last bin to itself.
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

  /** The Dice of each threshold from 1/1024 to 1023/1024; empty where no pixel is truly foreground. */
  curve(): ThresholdScore[] {
    const truth = this.foreground.reduce((sum, count) => sum + count, 0);
    if (truth === 0) return [];
    const points: ThresholdScore[] = [];
    let tp = this.foreground[BINS]!;
    let fp = this.background[BINS]!;
    for (let bin = BINS - 1; bin > 0; bin--) {
      tp += this.foreground[bin]!;
      fp += this.background[bin]!;
      // Never null: there is true foreground.
      points.push({ threshold: bin / BINS, dice: dice({ tp, fp, fn: truth - tp, tn: 0 })! });
    }
    return points.reverse();
  }

  /**
   * The threshold of the greatest Dice; among equals, the one nearest to 0.5. Null where no pixel is truly
   * foreground: nothing can be chosen then.
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
