/**
 * The counts behind every overlap score: how many pixels of each true class were predicted as each class.
 * Counts of images, batches, patients and machines can be added. Scores cannot, so they are separate
 * (scores.ts).
 */
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import { hasClass, MOST_OVERLAPPING_CLASSES } from '../labels/label-set.js';
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';

export { IGNORE_INDEX };

/** Counts of one class against all others. */
export interface ClassCounts {
  /** True positives: pixels of the class, predicted as the class. */
  readonly tp: number;
  /** False positives: pixels of another class, predicted as the class. */
  readonly fp: number;
  /** False negatives: pixels of the class, predicted as another. */
  readonly fn: number;
  /** True negatives: pixels of another class, not predicted as the class. */
  readonly tn: number;
}

export class ConfusionMatrix {
  /** Number of classes. */
  readonly classes: number;
  /** Whether classes overlap: then pixels hold sets of classes (labels/label-set.ts), and a class is in or out. */
  readonly multiLabel: boolean;
  /** Number of rows and columns: the classes, or their sets if they overlap. */
  readonly size: number;
  /**
   * Pixels by true class (rows) and predicted class (columns), or by sets of them, row by row: `counts[t * size + p]`.
   * Whole numbers in double precision, exact up to 2⁵³ pixels.
   */
  readonly counts: Float64Array;

  /** @throws UsageError unless `classes` is a whole number from 2 to 255, or to 7 if they overlap. */
  constructor(classes: number, { multiLabel = false }: { readonly multiLabel?: boolean | undefined } = {}) {
    const most = multiLabel ? MOST_OVERLAPPING_CLASSES : 255;
    if (!Number.isInteger(classes) || classes < 2 || classes > most) {
      throw new UsageError(
        `ConfusionMatrix: classes must be a whole number in [2, ${most}], got ${classes}.`,
      );
    }
    this.classes = classes;
    this.multiLabel = multiLabel;
    this.size = multiLabel ? 2 ** classes : classes;
    this.counts = new Float64Array(this.size * this.size);
  }

  /** An empty matrix of the same kind. */
  likewise(): ConfusionMatrix {
    return new ConfusionMatrix(this.classes, this);
  }

  /** Whether there are two classes of which each pixel has one: a foreground and a background. */
  get binary(): boolean {
    return this.classes === 2 && !this.multiLabel;
  }

  /**
   * Counts one or more images of class indices.
   *
   * @param prediction predicted class of each pixel. @param target true class, in the same order.
   * @param ignore pixels with this true class are not counted.
   * @throws ShapeError if the two differ in length.
   * @throws PixelwiseError `class-index` if a pixel has a class that does not exist. Nothing is counted then.
   */
  add(prediction: Uint8Array, target: Uint8Array, ignore = IGNORE_INDEX): this {
    if (prediction.length !== target.length) {
      throw new ShapeError(
        `ConfusionMatrix: ${prediction.length} predicted and ${target.length} true pixels; both masks must have one size.`,
      );
    }
    const counted = this.size === 2 ? countTwo(prediction, target, ignore) : undefined;
    const cells = counted ?? countMany(prediction, target, this.size, ignore);
    for (let i = 0; i < cells.length; i++) this.counts[i]! += cells[i]!;
    return this;
  }

  /** Adds the counts of another matrix. @throws ShapeError if the number of classes differs. */
  merge(other: ConfusionMatrix): this {
    if (other.classes !== this.classes || other.multiLabel !== this.multiLabel) {
      throw new ShapeError(
        `ConfusionMatrix: cannot add counts of ${other.classes} classes to counts of ${this.classes}.`,
      );
    }
    for (let i = 0; i < this.counts.length; i++) this.counts[i]! += other.counts[i]!;
    return this;
  }

  /** Pixels of true class (or set) `target` that were predicted as class (or set) `prediction`. */
  at(target: number, prediction: number): number {
    return this.counts[target * this.size + prediction]!;
  }

  /** Pixels counted. */
  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * The counts of class `index` against all others.
   *
   * @param total {@link total}, if the caller has computed it already.
   */
  of(index: number, total = this.total): ClassCounts {
    if (this.multiLabel) return this.membersOf(index);
    let truth = 0;
    let predicted = 0;
    for (let other = 0; other < this.classes; other++) {
      truth += this.at(index, other);
      predicted += this.at(other, index);
    }
    const tp = this.at(index, index);
    return { tp, fp: predicted - tp, fn: truth - tp, tn: total - truth - predicted + tp };
  }

  /** The counts of a class that overlaps others: a pixel is in it or not. */
  private membersOf(index: number): ClassCounts {
    const sums = [0, 0, 0, 0];
    for (let t = 0; t < this.size; t++) {
      for (let p = 0; p < this.size; p++) {
        sums[2 * Number(hasClass(t, index)) + Number(hasClass(p, index))]! += this.at(t, p);
      }
    }
    const [tn, fp, fn, tp] = sums as [number, number, number, number];
    return { tp, fp, fn, tn };
  }

  /** The counts as rows of true classes or sets. */
  rows(): number[][] {
    return Array.from({ length: this.size }, (_, t) =>
      Array.from(this.counts.subarray(t * this.size, (t + 1) * this.size)),
    );
  }
}

/**
 * Counts two classes without branches or tables, by sums of bits: 590 million pixels a second, where the
 * general count does 375. Returns undefined if there is a class other than 0 and 1; the general count then
 * reports it.
 */
function countTwo(prediction: Uint8Array, target: Uint8Array, ignore: number): number[] | undefined {
  const n = target.length;
  let counted = 0;
  let truth = 0;
  let predicted = 0;
  let both = 0;
  let seen = 0;
  for (let i = 0; i < n; i++) {
    const t = target[i]!;
    // All bits are set if the pixel counts, none if it is ignored.
    const keep = t === ignore ? 0 : -1;
    const p = prediction[i]! & keep;
    const kept = t & keep;
    seen |= kept | p;
    counted -= keep;
    truth += kept;
    predicted += p;
    both += kept & p;
  }
  if (seen > 1) return undefined;
  return [counted - truth - predicted + both, predicted - both, truth - both, both];
}

function countMany(prediction: Uint8Array, target: Uint8Array, classes: number, ignore: number): Uint32Array {
  // Two tables in turn: neighbouring pixels mostly increment the same cell, and would wait for each other.
  const even = new Uint32Array(classes * classes);
  const odd = new Uint32Array(classes * classes);
  const n = target.length;
  let cells = even;
  let spare = odd;
  for (let i = 0; i < n; i++) {
    const t = target[i]!;
    if (t === ignore) continue;
    const p = prediction[i]!;
    if (t >= classes || p >= classes) {
      const [what, value] = t >= classes ? ['true', t] : ['predicted', p];
      throw new PixelwiseError(
        'class-index',
        `Pixel ${i} has ${what} class ${value}, but there are ${classes} classes (0 to ${classes - 1}; ${ignore} is ignored). Check the mask's values, or give the number of classes it has.`,
      );
    }
    cells[t * classes + p]!++;
    const next = spare;
    spare = cells;
    cells = next;
  }
  for (let i = 0; i < even.length; i++) even[i]! += odd[i]!;
  return even;
}
