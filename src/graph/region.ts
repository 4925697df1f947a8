/** Regions: which part of its input an operator reads to compute a part of its result. */
import type { Node } from './tensor.js';

/** The axis of rows or of columns in N×C×H×W. */
export type SpatialAxis = 2 | 3;

/** First and last index along an axis. Indices may be outside of the tensor, in its padding. */
export type Interval = readonly [first: number, last: number];

/** The whole axis. */
export const WHOLE: Interval = [-Infinity, Infinity];

/** The region of an operator whose result at a pixel depends on that pixel alone. An axis of 1 is broadcast. */
export function pixelwise(
  node: Node<never>,
  index: number,
  axis: SpatialAxis,
  range: Interval,
): Interval | undefined {
  const from = node.inputs[index]!.shape[axis];
  if (from === node.outputs[0]!.shape[axis]) return range;
  return from === 1 ? [0, 0] : undefined;
}

/** The region of an operator that reads all values along some axes and is pixelwise along the others. */
export const wholeAlong =
  <A>(axesOf: (node: Node<A>) => readonly number[]) =>
  (node: Node<A>, index: number, axis: SpatialAxis, range: Interval): Interval | undefined =>
    axesOf(node).includes(axis) ? WHOLE : pixelwise(node as Node<never>, index, axis, range);

/** Windows along one axis: window i begins at i·stride − padding and ends `reach` further on. */
export interface Window {
  readonly reach: number;
  readonly stride: number;
  readonly padding: number;
}

/** What the windows of a range cover: the region of a convolution or a pooling. */
export const windowsBehind = ([first, last]: Interval, { reach, stride, padding }: Window): Interval => [
  first * stride - padding,
  last * stride - padding + reach,
];

/** The windows that cover a part of a range: the region of a transposed convolution or an unpooling. */
export const windowsOver = ([first, last]: Interval, { reach, stride, padding }: Window): Interval => [
  Math.ceil((first + padding - reach) / stride),
  Math.floor((last + padding) / stride),
];
