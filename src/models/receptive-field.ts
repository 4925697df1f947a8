/**
 * The receptive field: how much of the image one pixel of the output can see. Found by walking the traced
 * graph backwards with an interval of rows (and one of columns) for every tensor, each operator saying which
 * rows of its input a range of its output's rows is made from.
 */
import type { ConvGeometry, ConvTransposeAttributes, Node, Tensor } from '../graph/index.js';
import { nodesBehind } from '../graph/index.js';

/** Rows and columns of the image; `global` where every pixel counts, as after global pooling. */
export type ReceptiveField = readonly [number, number] | 'global';

type Axis = 0 | 1;

/** First and last row. Rows outside of the image, where padding lies, are counted too. */
type Interval = readonly [number, number];

interface PoolWindows {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

interface Window {
  readonly reach: number;
  readonly stride: number;
  readonly padding: number;
}

const seenThrough = ([low, high]: Interval, { reach, stride, padding }: Window): Interval => [
  low * stride - padding,
  high * stride - padding + reach,
];

/** The other way: rows of the smaller plane whose windows touch these rows of the larger one. */
const touching = ([low, high]: Interval, { reach, stride, padding }: Window): Interval => [
  Math.ceil((low + padding - reach) / stride),
  Math.floor((high + padding) / stride),
];

function windowOf(node: Node, axis: Axis): Window {
  if (node.operator.name === 'conv2d' || node.operator.name === 'convTranspose2d') {
    const { stride, padding, dilation } = node.attributes as ConvGeometry | ConvTransposeAttributes;
    const kernel = node.inputs[1]!.shape[2 + axis]!;
    return { reach: dilation[axis] * (kernel - 1), stride: stride[axis], padding: padding[axis] };
  }
  const { kernel, stride, padding } = node.attributes as PoolWindows;
  return { reach: kernel[axis] - 1, stride: stride[axis], padding: padding[axis] };
}

/** Rows of `input` behind rows `range` of the node's output; undefined where this is not known. */
function rowsBehind(node: Node, input: Tensor, range: Interval, axis: Axis): Interval | undefined {
  const [from, to] = [input.shape[2 + axis]!, node.outputs[0]!.shape[2 + axis]!];
  switch (node.operator.name) {
    case 'conv2d':
    case 'maxPool2d':
    case 'avgPool2d':
      return seenThrough(range, windowOf(node, axis));
    case 'convTranspose2d':
    case 'maxUnpool2d':
      return touching(range, windowOf(node, axis));
    case 'resize': {
      const { mode } = node.attributes as { mode: 'nearest' | 'bilinear' };
      const [low, high] = range.map((row) =>
        mode === 'nearest' ? (row * from) / to : ((row + 0.5) * from) / to - 0.5,
      ) as [number, number];
      return [Math.floor(low), mode === 'nearest' ? Math.floor(high) : Math.ceil(high)];
    }
    case 'pad': {
      const { before } = node.attributes as { before: readonly number[] };
      return [range[0] - before[2 + axis]!, range[1] - before[2 + axis]!];
    }
    case 'slice': {
      const { starts, steps } = node.attributes as {
        starts: readonly number[];
        steps: readonly number[];
      };
      return [
        starts[2 + axis]! + range[0] * steps[2 + axis]!,
        starts[2 + axis]! + range[1] * steps[2 + axis]!,
      ];
    }
    case 'sum':
    case 'mean':
    case 'max':
    case 'min':
      return from === to ? range : [-Infinity, Infinity];
    case 'reshape':
    case 'transpose':
    case 'matmul':
    case 'gather':
    case 'flip':
      return undefined;
    default:
      // Pixel by pixel; a plane of 1×1 broadcasts.
      if (from === to) return range;
      return from === 1 ? [0, 0] : undefined;
  }
}

/** Rows of `image` behind row `row` of `output`. */
function imageRows(
  nodes: readonly Node[],
  output: Tensor,
  image: Tensor,
  row: number,
  axis: Axis,
): Interval | undefined {
  const ranges = new Map<Tensor, Interval>([[output, [row, row]]]);
  for (const node of nodes) {
    const range = node.outputs.map((t) => ranges.get(t)).find((r) => r !== undefined);
    if (!range) continue;
    for (const input of node.inputs) {
      // Weights have four axes too, but lead to no image; statistics of a whole batch are no view of pixels.
      if (input.rank !== 4 || node.outputs[0]!.rank !== 4) continue;
      const behind = rowsBehind(node, input, range, axis);
      if (!behind) return undefined;
      const known = ranges.get(input);
      ranges.set(input, known ? [Math.min(known[0], behind[0]), Math.max(known[1], behind[1])] : behind);
    }
  }
  return ranges.get(image);
}

/**
 * The receptive field of a pixel in the middle of `output` (N×C×H×W). Where sizes are halved and doubled
 * again it depends on the pixel's place in the grid of strides; the largest counts. Undefined for models
 * that move pixels in ways not known here (reshape, transpose), or if `output` does not rest on `image`.
 */
export function receptiveField(output: Tensor, image: Tensor): ReceptiveField | undefined {
  if (output.rank !== 4) return undefined;
  const nodes = nodesBehind([output]).reverse();
  const sizes: number[] = [];
  for (const axis of [0, 1] as const) {
    const size = output.shape[2 + axis]!;
    const places = Math.min(size, 32);
    const first = Math.floor((size - places) / 2);
    let largest = 0;
    for (let row = first; row < first + places; row++) {
      const rows = imageRows(nodes, output, image, row, axis);
      if (!rows) return undefined;
      largest = Math.max(largest, rows[1] - rows[0] + 1);
    }
    if (!Number.isFinite(largest)) return 'global';
    sizes.push(largest);
  }
  return [sizes[0]!, sizes[1]!];
}
