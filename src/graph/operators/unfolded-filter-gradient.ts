/**
 * The gradient of a convolution's filters as one product with unfolded patches: Σₙ unfold(xₙ)·dyₙᵀ, where unfold gives,
 * for every channel and tap, the pixels under that tap. A convolution that moves pixels unfolds: each of its filters is 1
 * at its tap. That is five kernels, where a product for each of nine taps takes 33.
 */
import { int, ints } from '../../onnx/graph-builder.js';
import type { Lowering } from '../lowering.js';
import type { Node } from '../tensor.js';
import { sizeOf } from '../tensor.js';
import type { FilterGradientAttributes } from './convolution.js';

/** Values of unfolded patches at most: 512 MiB of float32. Larger batches are worked on in parts. */
const MOST_UNFOLDED = 2 ** 27;

export function lowerUnfoldedFilterGradient(node: Node<FilterGradientAttributes>, onnx: Lowering): string {
  const { kernel, padding, stride, dilation, groups } = node.attributes;
  const [n, c, ...image] = node.inputs[0]!.shape as [number, number, number, number];
  const [, o, ...result] = node.inputs[1]!.shape as [number, number, number, number];
  const [x, y] = node.inputs.map((tensor) => onnx.name(tensor)) as [string, string];
  const taps = sizeOf(kernel);
  const reach = [0, 1].map((i) => dilation[i]! * (kernel[i]! - 1));
  const back = [0, 1].map((i) => reach[i]! - padding[i]!);
  // Pairs of a pixel and a gradient are the same from either side: the one with fewer channels is unfolded.
  const turned = groups === 1 && o < c && stride.every((s) => s === 1) && back.every((p) => p >= 0);
  const pixels: Side = { name: x, channels: c, size: image };
  const gradients: Side = { name: y, channels: o, size: result };
  const [from, to] = turned ? [gradients, pixels] : [pixels, gradients];
  const before = turned ? back : padding;
  const plane = sizeOf(to.size);
  const rows = (from.channels / groups) * taps;
  const columns = to.channels / groups;

  const ends = [0, 1].map((i) => reach[i]! + 1 + stride[i]! * (to.size[i]! - 1));
  const after = ends.map((end, i) => Math.max(0, end - from.size[i]! - before[i]!));
  // Under dilation there may be room for more windows than there are gradients.
  const fits = ends.every((end, i) => from.size[i]! + before[i]! + after[i]! - end < stride[i]!);
  const plain = taps === 1 && stride.every((s) => s === 1) && before.every((p) => p === 0);
  const filters = plain ? '' : tapFilters(onnx, from.channels, kernel, turned);
  const unfold = (name: string) => {
    if (plain) return name;
    const windows = onnx.emit('Conv', [name, filters], {
      kernel_shape: ints(kernel),
      strides: ints(stride),
      pads: ints([...before, ...after]),
      dilations: ints(dilation),
      group: int(from.channels),
    });
    return fits ? windows : cut(onnx, windows, [2, 3], [0, 0], to.size);
  };

  const vectors = onnx.reshape(to.name, [n, groups, columns, plane]);
  const others =
    columns === 1 ? onnx.reshape(to.name, [n, groups, plane, 1]) : onnx.transpose(vectors, [0, 1, 3, 2]);
  const each = Math.max(1, Math.floor(MOST_UNFOLDED / (from.channels * taps * plane)));
  const products: string[] = [];
  for (let at = 0; at < n; at += each) {
    const size = Math.min(each, n - at);
    const part = (name: string) => (size === n ? name : cut(onnx, name, [0], [at], [at + size]));
    const patches = onnx.reshape(unfold(part(from.name)), [size, groups, rows, plane]);
    products.push(onnx.emit('MatMul', [patches, part(others)]));
  }
  const sums = onnx.emit('ReduceSum', [onnx.concat(products, 0), onnx.int64s([0])], { keepdims: int(0) });
  const table = turned ? onnx.reshape(sums, [o, taps, c]) : sums;
  const last = columns === 1 && !turned ? table : onnx.transpose(table, [0, 2, 1]);
  return onnx.reshape(last, [o, c / groups, ...kernel]);
}

interface Side {
  readonly name: string;
  readonly channels: number;
  readonly size: readonly number[];
}

/** A filter for each channel and tap that is 1 at its tap; from the last tap to the first where `turned`. */
function tapFilters(onnx: Lowering, channels: number, kernel: readonly number[], turned: boolean): string {
  const taps = sizeOf(kernel);
  const values = new Float32Array(channels * taps * taps);
  for (let i = 0; i < channels * taps; i++)
    values[i * taps + (turned ? taps - 1 - (i % taps) : i % taps)] = 1;
  return onnx.constant(values, [channels * taps, 1, ...kernel], 'float32');
}

const cut = (
  onnx: Lowering,
  name: string,
  axes: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
): string => onnx.emit('Slice', [name, ...[starts, ends, axes].map((values) => onnx.int64s(values))]);
