/**
 * The receptive field: how much of the image one pixel of the output depends on. The pass walks the graph backwards with
 * an interval of rows (then of columns) for every tensor; each operator says which rows of its input a range of its
 * result's rows is computed from (`region`).
 */
import type { Interval, SpatialAxis } from '../region.js';
import type { Node, Tensor } from '../tensor.js';
import { nodesBehind } from './reachability.js';

/** Rows and columns of the image; `global` where every pixel counts, as after global pooling. */
export type ReceptiveField = readonly [number, number] | 'global';

/**
 * Rows of `image` that row `row` of `output` is computed from, rows of padding included; undefined where an operator
 * between the two does not declare its region.
 *
 * @param nodes those behind `output`, last first
 * @param fromImage all tensors that are computed from the image
 */
function imageRows(
  nodes: readonly Node[],
  fromImage: ReadonlySet<Tensor>,
  [output, image]: readonly [Tensor, Tensor],
  row: number,
  axis: SpatialAxis,
): Interval | undefined {
  const ranges = new Map<Tensor, Interval>([[output, [row, row]]]);
  for (const node of nodes) {
    const range = node.outputs.map((t) => ranges.get(t)).find((r) => r !== undefined);
    if (!range || node.operator.statistics) continue;
    for (const [index, input] of node.inputs.entries()) {
      if (!fromImage.has(input)) continue;
      const isPlane = input.rank === 4 && node.outputs[0]!.rank === 4;
      const behind = isPlane ? node.operator.region?.(node, index, axis, range) : undefined;
      if (!behind) return undefined;
      const before = ranges.get(input) ?? behind;
      ranges.set(input, [Math.min(before[0], behind[0]), Math.max(before[1], behind[1])]);
    }
  }
  return ranges.get(image);
}

/**
 * The receptive field of a pixel in the middle of `output` (N×C×H×W). Where sizes are halved and doubled again it
 * depends on the pixel's place in the grid of strides; the largest counts. Statistics of a batch do not count.
 * Undefined where an operator does not declare which pixels it reads, or if `output` does not depend on `image`.
 */
export function receptiveField(output: Tensor, image: Tensor): ReceptiveField | undefined {
  if (output.rank !== 4) return undefined;
  const nodes = nodesBehind([output]);
  const fromImage = new Set<Tensor>([image]);
  for (const { operator, inputs, outputs } of nodes) {
    if (operator.statistics || !inputs.some((t) => fromImage.has(t))) continue;
    outputs.forEach((t) => fromImage.add(t));
  }
  nodes.reverse();
  const sizes: number[] = [];
  for (const axis of [2, 3] as const) {
    const size = output.shape[axis]!;
    const places = Math.min(size, 32);
    const first = Math.floor((size - places) / 2);
    let largest = 0;
    for (let row = first; row < first + places; row++) {
      const rows = imageRows(nodes, fromImage, [output, image], row, axis);
      if (!rows) return undefined;
      largest = Math.max(largest, rows[1] - rows[0] + 1);
    }
    sizes.push(largest);
  }
  return sizes.every(Number.isFinite) ? [sizes[0]!, sizes[1]!] : 'global';
}
