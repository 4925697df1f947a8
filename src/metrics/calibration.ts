/**
 * How far probabilities can be taken at their word: of the pixels that a model is 80% sure of, 80% should be right.
 * Pixels are counted in bins of equal width of the probability (Niculescu-Mizil and Caruana 2005).
 */
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import { hasClass } from '../labels/label-set.js';

export interface CalibrationBin {
  readonly pixels: number;
  /** The mean probability of its pixels; null if it has none. */
  readonly probability: number | null;
  /** The share of its pixels for which it came true; null if it has none. */
  readonly frequency: number | null;
}

export interface Calibration {
  /**
   * Whose probability: with two classes that of class 1 (`foreground`), with more that of the class chosen (`choice`),
   * with overlapping classes that of each class (`class`).
   */
  readonly of: 'foreground' | 'choice' | 'class';
  /**
   * Expected calibration error: the mean of |frequency − probability| over the bins, weighted by their pixels (Naeini et
   * al. 2015; Guo et al. 2017). Null without pixels.
   */
  readonly expectedError: number | null;
  readonly pixels: number;
  /** From probability 0 to 1. */
  readonly bins: readonly CalibrationBin[];
}

/** The number of bins of Guo et al. */
export const CALIBRATION_BINS = 15;

export class CalibrationCounter {
  private readonly pixels = new Float64Array(CALIBRATION_BINS);
  private readonly sums = new Float64Array(CALIBRATION_BINS);
  private readonly hits = new Float64Array(CALIBRATION_BINS);

  /** @param of what the planes of {@link add} mean. */
  constructor(private readonly of: Calibration['of']) {}

  /**
   * Adds the pixels of an image.
   * @param planes probabilities, a plane for each class; of two classes only that of class 1.
   * @param target the true class of each pixel, or the set of its classes; 255 is left out.
   */
  add(planes: Float32Array, target: Uint8Array): void {
    const n = target.length;
    if (this.of === 'choice') {
      for (let i = 0; i < n; i++) {
        if (target[i] === IGNORE_INDEX) continue;
        let best = 0;
        let probability = planes[i]!;
        for (let k = 1, at = i + n; at < planes.length; k++, at += n) {
          if (planes[at]! > probability) {
            probability = planes[at]!;
            best = k;
          }
        }
        this.count(probability, best === target[i]);
      }
      return;
    }
    for (let k = 0, at = 0; at < planes.length; k++, at += n) {
      for (let i = 0; i < n; i++) {
        const truth = target[i]!;
        if (truth === IGNORE_INDEX) continue;
        this.count(planes[at + i]!, this.of === 'foreground' ? truth === 1 : hasClass(truth, k));
      }
    }
  }

  private count(probability: number, right: boolean): void {
    const bin = Math.min(CALIBRATION_BINS - 1, Math.floor(probability * CALIBRATION_BINS));
    this.pixels[bin]!++;
    this.sums[bin]! += probability;
    if (right) this.hits[bin]!++;
  }

  /** The counts, to be sent to another process. */
  get counts(): number[][] {
    return [this.pixels, this.sums, this.hits].map((values) => [...values]);
  }

  /** Adds the counts of another process. */
  merge(counts: readonly (readonly number[])[]): void {
    [this.pixels, this.sums, this.hits].forEach((values, i) =>
      counts[i]!.forEach((value, bin) => (values[bin]! += value)),
    );
  }

  /** Undefined if nothing was added. */
  calibration(): Calibration | undefined {
    const pixels = this.pixels.reduce((sum, value) => sum + value, 0);
    if (pixels === 0) return undefined;
    const bins = [...this.pixels].map((count, bin): CalibrationBin =>
      count === 0
        ? { pixels: 0, probability: null, frequency: null }
        : { pixels: count, probability: this.sums[bin]! / count, frequency: this.hits[bin]! / count },
    );
    const expectedError = bins.reduce(
      (sum, { pixels: count, probability, frequency }) =>
        sum + (count / pixels) * Math.abs((frequency ?? 0) - (probability ?? 0)),
      0,
    );
    return { of: this.of, expectedError, pixels, bins };
  }
}
