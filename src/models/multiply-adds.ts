/** How much arithmetic a node of a graph is, by its shapes: the measure in which models are compared. */
import type { Node } from '../graph/index.js';
import { sizeOf } from '../graph/index.js';

/** Multiplications with an addition, for convolutions and matrix products; 0 for all other nodes. */
export function multiplyAdds({ operator, inputs, outputs, attributes }: Node): number {
  const [a, b] = inputs;
  switch (operator.name) {
    case 'conv2d':
      return outputs[0]!.size * sizeOf(b!.shape.slice(1));
    case 'convTranspose2d':
      return a!.size * sizeOf(b!.shape.slice(1));
    case 'matmul': {
      const { transposeA } = attributes as { readonly transposeA: boolean };
      return outputs[0]!.size * a!.shape.at(transposeA ? -2 : -1)!;
    }
    default:
      return 0;
  }
}
