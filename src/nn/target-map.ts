/**
 * Tensors that the host computes from the target of each batch, where no operator can: connected components,
 * distances. A loss creates them, and the code that runs its graph feeds them.
 */
import type { Shape, Tensor } from '../graph/index.js';
import { Leaf, nodesBehind } from '../graph/index.js';

export class TargetMap extends Leaf {
  /** @param compute computes the values of this tensor from the target's classes (N×H×W). */
  constructor(
    shape: Shape,
    readonly compute: (target: Uint8Array) => Float32Array,
  ) {
    super('target_map', shape, 'float32');
  }
}

/** The maps that `outputs` depend on, each with a unique name. */
export function targetMapsBehind(outputs: readonly Tensor[]): TargetMap[] {
  const leaves = nodesBehind(outputs).flatMap((node) => node.outputs);
  const maps = leaves.filter((leaf): leaf is TargetMap => leaf instanceof TargetMap);
  maps.forEach((map, i) => (map.name = `target_map_${i}`));
  return maps;
}
