/**
 * What a loss is: a function of logits (N×K×H×W) and target (N×H×W, uint8) that gives one number. K = 1
 * stands for two classes, the logit of class 1 against class 0. Pixels of value 255 are left out.
 */
import { UsageError } from '../../errors/index.js';
import type { Tensor } from '../../graph/index.js';
import {
  add,
  cast,
  div,
  equal,
  formatShape,
  maximum,
  mul,
  oneHot,
  reshape,
  scalar,
  sub,
  sum,
} from '../../graph/index.js';

export type Loss = (logits: Tensor, target: Tensor) => Tensor;

/** One part of a weighted sum of losses. */
export interface LossTerm {
  readonly name: string;
  readonly weight: number;
  readonly loss: Loss;
}

/** Value of pixels that count for nothing. */
export const IGNORE_INDEX = 255;

/** Target as N×K×H×W planes of 0 and 1, and the pixels that count as N×1×H×W. */
export function targetPlanes(logits: Tensor, target: Tensor): { planes: Tensor; valid: Tensor } {
  const [n, classes, h, w] = logits.shape as [number, number, number, number];
  if (target.shape.join() !== [n, h, w].join()) {
    throw new UsageError(
      `logits of ${formatShape(logits.shape)} need a target of ${n}×${h}×${w}, not ${formatShape(target.shape)}`,
    );
  }
  const index = cast(target, 'int32');
  const column = reshape(index, [n, 1, h, w]);
  const valid = sub(1, cast(equal(column, scalar(IGNORE_INDEX, 'int32')), 'float32'));
  const planes =
    classes === 1 ? cast(equal(column, scalar(1, 'int32')), 'float32') : oneHot(index, classes, 1);
  return { planes, valid };
}

/** Σ values ÷ Σ weights; 0 where all weights are 0. */
export function weightedMean(values: Tensor, weights: Tensor): Tensor {
  return div(sum(values), maximum(sum(weights), 1e-12));
}

/** The weighted sum of several losses. */
export function sumOfLosses(terms: readonly LossTerm[]): Loss {
  if (terms.length === 0) throw new UsageError('a sum of losses needs at least one term');
  return (logits, target) =>
    terms.map(({ weight, loss }) => mul(loss(logits, target), weight)).reduce((a, b) => add(a, b));
}
