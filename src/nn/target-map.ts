/**
 * Tensors that the host computes from the target of every batch, for what no operator can: connected
 * patches, distances. A loss makes them; whoever runs its graph feeds them.
 */
import type { Shape, Tensor } from '../graph/index.js';
import { Leaf, nodesBehind } from '../graph/index.js';

export class TargetMap extends Leaf {
  /** @param compute from the target's classes (N×H×W) the values of this tensor. */
  constructor(
    shape: Shape,
    readonly compute: (target: Uint8Array) => Float32Array,
  ) {
    super('target_map', shape, 'float32');
  }
}

/** The maps that `outputs` rest on, each under a name of its own. */
export function targetMapsBehind(outputs: readonly Tensor[]): TargetMap[] {
  const leaves = nodesBehind(outputs).flatMap((node) => node.outputs);
  const maps = leaves.filter((leaf): leaf is TargetMap => leaf instanceof TargetMap);
  maps.forEach((map, i) => (map.name = `target_map_${i}`));
  return maps;
}
