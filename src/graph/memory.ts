/** How much memory running a graph takes, estimated from its shapes. */
import { nodesBehind } from './gradients.js';
import type { GraphDefinition } from './lowering.js';
import type { Tensor } from './tensor.js';

const WIDTHS = { float32: 4, int32: 4, int64: 8, uint8: 1, bool: 1 } as const;

const bytesOf = (tensor: Tensor) => tensor.size * WIDTHS[tensor.dtype];

/**
 * The most bytes that intermediate values take at once if every value is dropped after its last reader.
 * Inputs and what a lowering makes besides (slices of a filter gradient, say) are not counted.
 */
export function peakBytes(definition: GraphDefinition): number {
  const nodes = nodesBehind(Object.values(definition.outputs));
  const lastReader = new Map<Tensor, number>();
  nodes.forEach((node, i) => node.inputs.forEach((tensor) => lastReader.set(tensor, i)));
  let live = 0;
  let peak = 0;
  nodes.forEach((node, i) => {
    if (node.operator.name === 'input') return;
    for (const tensor of node.outputs) live += bytesOf(tensor);
    peak = Math.max(peak, live);
    for (const tensor of new Set(node.inputs)) {
      if (lastReader.get(tensor) === i && tensor.node.operator.name !== 'input') live -= bytesOf(tensor);
    }
  });
  return peak;
}
