/**
 * Recomputation: values of the forward pass that the backward pass reads are computed a second time just before they
 * are read, instead of being kept until then (Chen et al., "Training deep nets with sublinear memory cost", 2016).
 * This saves memory and costs the time to compute these values twice.
 */
import type { Node, Tensor } from '../tensor.js';
import { Leaf, reapply } from '../tensor.js';
import { nodesBehind } from './reachability.js';

/**
 * What may be computed twice: `none`; `passes`, operators that only read and write memory (norms with given
 * statistics, ReLU and ReLU6, dropout, sums and products, joins); `convolutions`, those too, where what they read is
 * kept or can be recomputed by passes. Results of operators that do not declare `recompute` are always kept.
 */
export type Recompute = 'none' | 'passes' | 'convolutions';

/** Tensors of at most this many elements are kept: statistics of channels, values of the loss. */
const SMALL = 4096;

/**
 * The same results. Nodes that only `results` need (the backward pass) read large values of the forward pass from
 * copies of the nodes that compute them.
 *
 * @param forward the results of the forward pass: loss, prediction
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
  const copy = (node: Node, scope: string, recomputed: boolean): void => {
    const inputs = node.inputs.map((t) => sourceFor(t, scope));
    const outputs = reapply(node, inputs, { scope, recomputed });
    node.outputs.forEach((t, i) => copies.set(t, outputs[i]!));
  };
  /** The tensor that a node of the backward pass reads instead of `tensor`. */
  const sourceFor = (tensor: Tensor, scope: string): Tensor => {
    if (!copies.has(tensor) && droppable.has(tensor)) copy(tensor.node, scope, true);
    return copies.get(tensor) ?? tensor;
  };
  for (const node of behind) if (!(node.outputs[0] instanceof Leaf)) copy(node, node.scope, false);
  return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, copies.get(t) ?? t]));
}

/**
 * The tensors that can be recomputed from kept ones with at most `products` convolutions in between. Any other tensor
 * is kept if the backward pass reads it.
 */
function chooseDroppable(ahead: readonly Node[], read: ReadonlySet<Tensor>, products: number): Set<Tensor> {
  const droppable = new Set<Tensor>();
  /** Convolutions between a tensor and the kept ones that it can be recomputed from. */
  const distance = new Map<Tensor, number>();
  for (const { operator, inputs, outputs } of ahead) {
    const own = operator.recompute?.product ? 1 : 0;
    const way = operator.recompute
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
