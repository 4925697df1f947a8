/** Reachability: the nodes that some tensors are computed from. */
import type { Node, Tensor } from '../tensor.js';

/**
 * The nodes that `outputs` are computed from, each after those it reads.
 *
 * @param reads the tensors that a node reads; default: its inputs
 */
export function nodesBehind(
  outputs: readonly Tensor[],
  reads: (node: Node) => readonly Tensor[] = (node) => node.inputs,
): Node[] {
  const order: Node[] = [];
  const visited = new Set<Node>();
  // An explicit stack, since the graphs of deep models may be deeper than the call stack.
  const stack: { node: Node; inputs: readonly Tensor[]; next: number }[] = [];
  const visit = (node: Node) => {
    if (visited.has(node)) return;
    visited.add(node);
    stack.push({ node, inputs: reads(node), next: 0 });
  };
  for (const output of outputs) {
    visit(output.node);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next < top.inputs.length) {
        visit(top.inputs[top.next++]!.node);
      } else {
        stack.pop();
        order.push(top.node);
      }
    }
  }
  return order;
}
