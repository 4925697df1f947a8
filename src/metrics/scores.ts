/**
 * Scores as pure functions of counts, each in [0, 1]. A score is null if it would be 0 ÷ 0: a class that occurs
 * neither in truth nor in prediction is neither right nor wrong, and means leave it out.
 */
import type { ClassCounts, ConfusionMatrix } from './confusion-matrix.js';

function quotient(numerator: number, denominator: number): number | null {
  return denominator === 0 ? null : numerator / denominator;
}

/**
 * Share of the counted pixels whose class is right; null if nothing was counted. If classes overlap, the mean over them:
 * the share of the pixels that are rightly in or out of a class.
 */
export function pixelAccuracy(matrix: ConfusionMatrix): number | null {
  if (matrix.multiLabel) {
    return meanDefined(classCounts(matrix).map(({ tp, fp, fn, tn }) => quotient(tp + tn, tp + fp + fn + tn)));
  }
  let right = 0;
  for (let index = 0; index < matrix.classes; index++) right += matrix.at(index, index);
  return quotient(right, matrix.total);
}

/** Intersection over union (Jaccard 1912): tp / (tp + fp + fn). */
export function iou({ tp, fp, fn }: ClassCounts): number | null {
  return quotient(tp, tp + fp + fn);
}

/** Dice coefficient, or F1 (Dice 1945): 2 tp / (2 tp + fp + fn). */
export function dice({ tp, fp, fn }: ClassCounts): number | null {
  return quotient(2 * tp, 2 * tp + fp + fn);
}

/** Share of the pixels predicted as the class that belong to it: tp / (tp + fp). */
export function precision({ tp, fp }: ClassCounts): number | null {
  return quotient(tp, tp + fp);
}

/** Share of the pixels of the class that were predicted as such: tp / (tp + fn). */
export function recall({ tp, fn }: ClassCounts): number | null {
  return quotient(tp, tp + fn);
}

/** The counts of every class, or of the listed ones. */
export function classCounts(matrix: ConfusionMatrix, classes?: readonly number[]): ClassCounts[] {
  const listed = classes ?? Array.from({ length: matrix.classes }, (_, index) => index);
  // Computed once: repeated for each class, the work would grow with the cube of the number of classes.
  const { total } = matrix;
  return listed.map((index) => matrix.of(index, total));
}

/** The sum of the counts of several classes. A score of the sum is the micro average of that score. */
export function pooled(counts: readonly ClassCounts[]): ClassCounts {
  return counts.reduce(
    (sum, { tp, fp, fn, tn }) => ({
      tp: sum.tp + tp,
      fp: sum.fp + fp,
      fn: sum.fn + fn,
      tn: sum.tn + tn,
    }),
    { tp: 0, fp: 0, fn: 0, tn: 0 },
  );
}

/** The macro average: the mean of the scores that are defined; null if none is. */
export function meanDefined(scores: readonly (number | null)[]): number | null {
  const definite = scores.filter((score) => score !== null);
  return quotient(
    definite.reduce((sum, score) => sum + score, 0),
    definite.length,
  );
}

/** Mean IoU over the classes that occur in truth or prediction, background included. */
export function meanIoU(matrix: ConfusionMatrix): number | null {
  return meanDefined(classCounts(matrix).map(iou));
}

/** Mean Dice over the classes that occur in truth or prediction, background included. */
export function meanDice(matrix: ConfusionMatrix): number | null {
  return meanDefined(classCounts(matrix).map(dice));
}

/** The sum of the counts of all classes except `background` (null for none): for two classes, the foreground's. */
export function foreground(matrix: ConfusionMatrix, background: number | null = 0): ClassCounts {
  return pooled(
    classCounts(
      matrix,
      Array.from({ length: matrix.classes }, (_, index) => index).filter((index) => index !== background),
    ),
  );
}
