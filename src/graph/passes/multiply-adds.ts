/** How much arithmetic a node is, computed from shapes. */
import type { Node } from '../tensor.js';

/**
 * Multiplications that are followed by an addition, the measure by which models are compared. By convention only
 * convolutions and matrix products count: they declare their number (`multiplyAdds`), all other operators have none.
 * Undefined where an operator declares that its number is unknown, since it contains nodes of a file.
 */
export function multiplyAdds(node: Node): number | undefined {
  return node.operator.multiplyAdds ? node.operator.multiplyAdds(node) : 0;
}
