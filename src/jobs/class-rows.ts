/**
 * The head of a model for other classes than before. A row of weights belongs to each class: rows move with their
 * class, whatever its index is now.
 *
 * Two classes may have a single logit z, the log-odds of class 1. As rows of a softmax that is −z/2 and z/2; the other
 * way round, z is the difference of the rows. Both give the same probabilities. A new class starts with the mean of the
 * old rows, so that it is nowhere the most probable class yet.
 */
import type { Shape } from '../graph/index.js';
import { sizeOf } from '../graph/index.js';
import type { WeightTensor } from '../weights/index.js';

export interface ClassRows {
  readonly before: readonly string[];
  readonly now: readonly string[];
  /** Whether an axis of this length may be that of the classes now. */
  outputs(length: number): boolean;
}

export function classRows(before: readonly string[], now: readonly string[]): ClassRows {
  return { before, now, outputs: (length) => length === now.length || (now.length === 2 && length === 1) };
}

/**
 * The values of a head's tensor of shape `to`; undefined if nothing has to be moved, or the shapes differ in more than
 * the classes.
 */
export function withRows(
  { shape, data }: WeightTensor,
  to: Shape,
  { before, now, outputs }: ClassRows,
): Float32Array | undefined {
  const alike = before.length === now.length && before.every((name, i) => name === now[i]);
  const axis = to.findIndex((length, i) => outputs(length) && couldBe(shape[i], before.length));
  if (axis < 0 || shape.length !== to.length) return undefined;
  const [oldRows, newRows] = [shape[axis]!, to[axis]!];
  if (alike && oldRows === newRows) return undefined;
  if (shape.some((length, i) => i !== axis && length !== to[i])) return undefined;
  const inner = sizeOf(to.slice(axis + 1));
  const outer = sizeOf(to.slice(0, axis));
  const result = new Float32Array(sizeOf(to));
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const stored = (row: number) => data[(o * oldRows + row) * inner + i]!;
      /** The logit of a class, up to a constant that all classes share. */
      const logits = before.map((_, k) => (oldRows > 1 ? stored(k) : (k - 0.5) * stored(0)));
      const mean = logits.reduce((sum, each) => sum + each, 0) / logits.length;
      const moved = now.map((name) => logits[before.indexOf(name)] ?? mean);
      const rows = newRows > 1 ? moved : [moved[1]! - moved[0]!];
      rows.forEach((value, row) => (result[(o * newRows + row) * inner + i] = value));
    }
  }
  return result;
}

const couldBe = (length: number | undefined, classes: number) =>
  length === classes || (classes === 2 && length === 1);
