/**
 * Scores as pure functions of counts. A score that its counts leave undefined (a quotient of nothing by
 * nothing) is null: a class that is in neither truth nor prediction is neither right nor wrong, and is
 * left out of means. Every score lies in [0, 1].
 */
import type { ClassCounts, ConfusionMatrix } from './confusion-matrix.js';

function quotient(numerator: number, denominator: number): number | null {
  return denominator === 0 ? null : numerator / denominator;
}

/** Share of the counted pixels whose class is right; null where nothing was counted. */
export function pixelAccuracy(matrix: ConfusionMatrix): number | null {
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

/** Share of the pixels given to the class that are of it: tp / (tp + fp). */
export function precision({ tp, fp }: ClassCounts): number | null {
  return quotient(tp, tp + fp);
}

/** Share of the pixels of the class that were given to it: tp / (tp + fn). */
export function recall({ tp, fn }: ClassCounts): number | null {
  return quotient(tp, tp + fn);
}

/** The counts of every class, or of those listed. */
export function classCounts(matrix: ConfusionMatrix, classes?: readonly number[]): ClassCounts[] {
  const listed = classes ?? Array.from({ length: matrix.classes }, (_, index) => index);
  // Once for all: added up for each class, the work would grow with the cube of their number.
  const { total } = matrix;
  return listed.map((index) => matrix.of(index, total));
}

/** Counts of several classes added up: a score of the sum is the micro average of that score. */
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

/** The macro average: the mean of the scores that are defined; null where none is. */
export function meanDefined(scores: readonly (number | null)[]): number | null {
  const definite = scores.filter((score) => score !== null);
  return quotient(
    definite.reduce((sum, score) => sum + score, 0),
    definite.length,
  );
}

/** Mean IoU over the classes that are in truth or prediction, background included. */
export function meanIoU(matrix: ConfusionMatrix): number | null {
  return meanDefined(classCounts(matrix).map(iou));
}

/** Mean Dice over the classes that are in truth or prediction, background included. */
export function meanDice(matrix: ConfusionMatrix): number | null {
  return meanDefined(classCounts(matrix).map(dice));
}

/** The counts of all classes but `background` (null for none) pooled: for two classes, those of the foreground. */
export function foreground(matrix: ConfusionMatrix, background: number | null = 0): ClassCounts {
  return pooled(
    classCounts(
      matrix,
      Array.from({ length: matrix.classes }, (_, index) => index).filter((index) => index !== background),
    ),
  );
}
