/**
 * Reverse-mode differentiation: one walk from the loss back to the leaves, in which every node turns the gradients of
 * its outputs into those of its inputs. Gradients are symbolic tensors, too, so they can be differentiated in turn.
 */
import { ShapeError } from '../errors/index.js';
import { add, broadcastTo } from './operators/arithmetic.js';
import { nodesBehind } from './passes/reachability.js';
import './tensor-methods.js';
import type { Tensor } from './tensor.js';
import { formatShape, scalar, withScope } from './tensor.js';

/** Ends the scope of nodes that compute a gradient: `down.0.conv1:backward`. */
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
  const depends = new Set<Tensor>(tensors);
  for (const node of order) {
    if (node.inputs.some((t) => depends.has(t))) node.outputs.forEach((t) => depends.add(t));
  }
  const known = new Map<Tensor, Tensor>([[loss, broadcastTo(scalar(1), loss.shape)]]);
  for (const node of order.reverse()) {
    const { operator, inputs, outputs } = node;
    if (!operator.gradient || !inputs.some((t) => depends.has(t))) continue;
    const outputGradients = outputs.map((t) => known.get(t));
    if (outputGradients.every((g) => g === undefined)) continue;
    const inputGradients = withScope(`${node.scope}${BACKWARD}`, () =>
      operator.gradient!(node, outputGradients),
    );
    inputGradients.forEach((gradient, i) => {
      const to = inputs[i]!;
      if (gradient === undefined || !depends.has(to)) return;
      const sum = known.get(to);
      known.set(to, sum ? add(sum, gradient) : gradient);
    });
  }
  return tensors.map((t) => known.get(t) ?? broadcastTo(scalar(0), t.shape));
}
