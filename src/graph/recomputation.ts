/**
 * Recomputation: what the backward pass reads of the forward pass is made again just before it is read, instead
 * of being kept until then (Chen et al., "Training deep nets with sublinear memory cost", 2016). Less memory, for
 * the time of the passes that are run twice.
 */
import { nodesBehind } from './gradients.js';
import type { Again, Node } from './tensor.js';
import { Tensor } from './tensor.js';

/**
 * What may be made again: `none` of it; `passes`, which only read and write memory (norms by statistics that are
 * there, ReLU and ReLU6, dropout, sums and products, joins); `convolutions` too, where what they read is kept or a
 * pass away from it. Operators without `again` are kept.
 */
export type Recompute = 'none' | 'passes' | 'convolutions';

/** Tensors of fewer elements are kept: statistics of channels, numbers of the loss. */
const SMALL = 4096;

/**
 * The same results, computed so that the nodes which only `results` need read large values of the forward pass
 * from copies of the nodes that made them.
 *
 * @param forward what the forward pass ends in: the loss, the prediction.
 */
export function withRecomputation(
  results: Readonly<Record<string, Tensor>>,
  forward: readonly Tensor[],
  recompute: Recompute,
): Record<string, Tensor> {
  if (recompute === 'none') return { ...results };
  const ahead = nodesBehind(forward);
  const isAhead = new Set(ahead);
  const behind = nodesBehind(Object.values(results)).filter((node) => !isAhead.has(node));
  const read = new Set(behind.flatMap(({ inputs }) => inputs).filter(({ node }) => isAhead.has(node)));
  const droppable = chooseDroppable(ahead, read, recompute === 'convolutions' ? 1 : 0);

  const copies = new Map<Tensor, Tensor>();
  const copy = (node: Node, scope: string, again?: Again<unknown>): void => {
    const operator = again ? { ...node.operator, lower: again.lower.bind(again) } : node.operator;
    const outputs: Tensor[] = [];
    const made: Node = {
      ...node,
      operator,
      scope,
      inputs: node.inputs.map((t) => sourceFor(t, scope)),
      outputs,
    };
    node.outputs.forEach((t, i) => {
      const output = new Tensor(made, i, t.shape, t.dtype);
      outputs.push(output);
      copies.set(t, output);
    });
  };
  /** What a node of the backward pass reads in place of a tensor. */
  const sourceFor = (tensor: Tensor, scope: string): Tensor => {
    if (!copies.has(tensor) && droppable.has(tensor)) copy(tensor.node, scope, tensor.node.operator.again);
    return copies.get(tensor) ?? tensor;
  };
  for (const node of behind) copy(node, node.scope);
  return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, copies.get(t) ?? t]));
}

/**
 * The tensors that can be made again from kept ones with at most `products` convolutions in between. One that
 * cannot is kept where the backward pass reads it.
 */
function chooseDroppable(ahead: readonly Node[], read: ReadonlySet<Tensor>, products: number): Set<Tensor> {
  const droppable = new Set<Tensor>();
  /** Convolutions between a tensor and the kept ones that it can be made from. */
  const distance = new Map<Tensor, number>();
  for (const { operator, inputs, outputs } of ahead) {
    const own = operator.again?.product ? 1 : 0;
    const way = operator.again
      ? Math.max(0, ...inputs.map((t) => distance.get(t) ?? Infinity)) + own
      : Infinity;
    for (const tensor of outputs) {
      const stays = inputs.length === 0 || tensor.size <= SMALL;
      if (!stays && way <= products) droppable.add(tensor);
      const kept = stays || read.has(tensor);
      distance.set(tensor, !stays && way <= products ? way : kept ? 0 : Infinity);
    }
  }
  return droppable;
}
