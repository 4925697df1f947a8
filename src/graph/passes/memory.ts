/** An estimate of the memory that running a graph takes, computed from shapes. */
import type { GraphDefinition, Tensor } from '../tensor.js';
import { Leaf } from '../tensor.js';
import { nodesBehind } from './reachability.js';

const WIDTHS = { float32: 4, int32: 4, int64: 8, uint8: 1, bool: 1 } as const;

const bytesOf = (tensor: Tensor) => tensor.size * WIDTHS[tensor.dtype];

/**
 * The largest number of bytes that intermediate values take at once, if every value is freed after its last
 * reader. This is a lower bound: it does not include inputs, and values that only exist in a node's lowering (slices of
 * a filter gradient, values inside a graph from a file).
 */
export function peakBytes(definition: GraphDefinition): number {
  const nodes = nodesBehind(Object.values(definition.outputs));
  const lastReader = new Map<Tensor, number>();
  nodes.forEach((node, i) => node.inputs.forEach((tensor) => lastReader.set(tensor, i)));
  let live = 0;
  let peak = 0;
  nodes.forEach((node, i) => {
    if (node.outputs[0] instanceof Leaf) return;
    for (const tensor of node.outputs) live += bytesOf(tensor);
    peak = Math.max(peak, live);
    for (const tensor of new Set(node.inputs)) {
      if (lastReader.get(tensor) === i && !(tensor instanceof Leaf)) live -= bytesOf(tensor);
    }
  });
  return peak;
}
