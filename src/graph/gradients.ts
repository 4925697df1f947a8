/**
 * Reverse-mode differentiation: one walk from the loss back to the leaves, in which every node hands the
 * gradients of its outputs to its inputs. The result is made of symbolic tensors again, so it can be
 * differentiated in turn.
 */
import { ShapeError } from '../errors/index.js';
import { add, broadcastTo } from './operators/arithmetic.js';
import type { Node, Tensor } from './tensor.js';
import { formatShape, scalar, withScope } from './tensor.js';

/** The nodes that `outputs` rest on, each after those it reads. */
export function nodesBehind(
  outputs: readonly Tensor[],
  reads: (node: Node) => readonly Tensor[] = (node) => node.inputs,
): Node[] {
  const order: Node[] = [];
  const visited = new Set<Node>();
  // An explicit stack: the graphs of deep models are deeper than the call stack should be trusted with.
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

/** Ends the scope of nodes that a gradient is made of: `down.0.conv1:backward`. */
export const BACKWARD = ':backward';

/**
 * The gradient of the scalar `loss` with respect to each of `tensors`, zero for those that it does not
 * depend on. Throws a {@link ShapeError} if `loss` has more than one element.
 */
export function gradients(loss: Tensor, tensors: readonly Tensor[]): Tensor[] {
  if (loss.size !== 1) {
    throw new ShapeError(
      `gradients need a loss of one element; this one is ${formatShape(loss.shape)}: take its mean or sum`,
    );
  }
  const order = nodesBehind([loss]);
  const leadsThere = new Set<Tensor>(tensors);
  for (const node of order) {
    if (node.inputs.some((t) => leadsThere.has(t))) node.outputs.forEach((t) => leadsThere.add(t));
  }
  const flowing = new Map<Tensor, Tensor>([[loss, broadcastTo(scalar(1), loss.shape)]]);
  for (const node of order.reverse()) {
    const { operator, inputs, outputs } = node;
    if (!operator.gradient || !inputs.some((t) => leadsThere.has(t))) continue;
    const outputGradients = outputs.map((t) => flowing.get(t));
    if (outputGradients.every((g) => g === undefined)) continue;
    const inputGradients = withScope(`${node.scope}${BACKWARD}`, () =>
      operator.gradient!(node, outputGradients),
    );
    inputGradients.forEach((gradient, i) => {
      const to = inputs[i]!;
      if (gradient === undefined || !leadsThere.has(to)) return;
      const sum = flowing.get(to);
      flowing.set(to, sum ? add(sum, gradient) : gradient);
    });
  }
  return tensors.map((t) => flowing.get(t) ?? broadcastTo(scalar(0), t.shape));
}
