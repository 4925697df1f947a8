/**
 * Many tensors as one vector, and back. Where every operator costs a kernel, the arithmetic of a hundred small tensors
 * takes as long as that of a hundred large ones: joined, they are worked on by as few kernels as one.
 */
import type { Operator, Shape, Tensor } from '../tensor.js';
import { apply, sizeOf } from '../tensor.js';
import { concat, reshape } from './layout.js';

/** Values of a vector at most: 64 MiB of float32, where a device may bind no more than 128 MiB at once. */
const MOST_VALUES = 2 ** 24;

/** Divides tensors, in their order, into groups that fit into one vector each. A larger tensor is a group of its own. */
export function flatGroups<T>(items: readonly T[], shapeOf: (item: T) => Shape): T[][] {
  const groups: T[][] = [];
  let room = 0;
  for (const item of items) {
    const size = sizeOf(shapeOf(item));
    if (size > room) {
      groups.push([]);
      room = MOST_VALUES;
    }
    groups.at(-1)!.push(item);
    room -= size;
  }
  return groups;
}

/** The values of all tensors, one after the other. */
export const joinFlat = (tensors: readonly Tensor[]): Tensor =>
  concat(
    tensors.map((tensor) => reshape(tensor, [tensor.size])),
    0,
  );

const unjoinOperator: Operator<{ readonly sizes: readonly number[] }> = {
  name: 'unjoin',
  infer: ([x], { sizes }) => sizes.map((size) => ({ shape: [size], dtype: x!.dtype })),
  lower: ({ inputs, attributes }, onnx) => onnx.split(onnx.name(inputs[0]!), attributes.sizes),
};

/** The tensors of {@link joinFlat} from the vector. Has no gradient. */
export function unjoinFlat(vector: Tensor, shapes: readonly Shape[]): Tensor[] {
  const sizes = shapes.map(sizeOf);
  const parts = sizes.length === 1 ? [vector] : apply(unjoinOperator, [vector], { sizes });
  return parts.map((part, i) => reshape(part, shapes[i]!));
}
