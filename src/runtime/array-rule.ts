/**
 * An update of arrays, element by element, written once with tensor operations: an optimizer's step, a moving
 * average. On a device that keeps tensors it runs as a graph (`device.ts`), on the host as a loop
 * (`array-kernel.ts`).
 */
import type { Tensor } from '../graph/index.js';

/**
 * New values for some of a few arrays of one shape.
 *
 * @typeParam A names of the arrays.
 * @typeParam N names of the numbers.
 */
export interface ArrayRule<A extends string = string, N extends string = string> {
  /** Identifies the graph: two rules of one kind differ in their numbers at most. */
  readonly kind: string;
  /** The arrays that the rule reads. */
  readonly arrays: readonly A[];
  /** Numbers that may change from step to step. They are inputs of the graph, as scalars. */
  readonly numbers: Readonly<Record<N, number>>;
  /**
   * The new values of those arrays that change.
   *
   * Constants in the expression are rounded to float32: numbers such as 0.1 belong in `numbers`. `sum` of a
   * tensor gives a scalar, the sum over the whole array.
   */
  update(
    arrays: Readonly<Record<A, Tensor>>,
    numbers: Readonly<Record<N, Tensor>>,
  ): { readonly [K in A]?: Tensor };
}

/** Infers the names of a rule's arrays and numbers, so that `update` is checked against them. */
export const arrayRule = <const A extends string, const N extends string>(rule: ArrayRule<A, N>): ArrayRule =>
  rule as ArrayRule;
