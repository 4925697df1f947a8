/**
 * Values written into a graph. A weight that is an input may change from run to run, and so nothing can be
 * prepared; a weight that is a constant lets ONNX Runtime lay it out in blocks and fuse what follows, and
 * lets a batch norm in evaluation disappear into the convolution before it:
 *
 *   γ·(w∗x + b − μ)/√(σ² + ε) + β  =  (s·w)∗x + s·(b − μ) + β   with s = γ/√(σ² + ε)
 *
 * A frozen encoder runs in this form while the rest of the model is trained.
 */
import type { GraphDefinition, Leaf, Node, Tensor } from '../graph/index.js';
import { apply, constant, nodesBehind, withScope } from '../graph/index.js';
import type { Module } from '../nn/index.js';
import { inMode } from './mode.js';

/** Weights and buffers that training does not move: those of frozen parts (see {@link Module.freeze}). */
export function frozenLeaves(model: Module): ReadonlySet<Leaf> {
  const weights = model.namedParameters().flatMap(([, weight]) => (weight.requiresGrad ? [] : [weight]));
  const still = inMode(model, 'training', () =>
    [...model.namedModules()].flatMap(([, module]) => (module.training ? [] : Object.values(module))),
  );
  const resting = new Set<unknown>(still);
  const buffers = model.namedBuffers().flatMap(([, buffer]) => (resting.has(buffer) ? [buffer] : []));
  return new Set<Leaf>([...weights, ...buffers]);
}

/**
 * The same computation with the values of some inputs written into it, and batch norms in evaluation folded
 * into the convolutions that they follow. What is left are the other inputs.
 *
 * @param valueOf the value of an input, undefined for one that stays; it is copied
 */
export function foldValues(
  definition: GraphDefinition,
  valueOf: (leaf: Leaf) => Float32Array | undefined,
): GraphDefinition {
  const values = new Map<Tensor, Float32Array>();
  for (const leaf of definition.inputs) {
    const value = valueOf(leaf);
    if (value) values.set(leaf, value);
  }
  const results = Object.entries(definition.outputs);
  const nodes = nodesBehind(results.map(([, tensor]) => tensor));
  const uses = new Map<Tensor, number>();
  const used = (tensor: Tensor) => uses.set(tensor, (uses.get(tensor) ?? 0) + 1);
  for (const node of nodes) node.inputs.forEach(used);
  results.forEach(([, tensor]) => used(tensor));

  const replaced = new Map<Tensor, Tensor>();
  const now = (tensor: Tensor): Tensor => {
    const value = values.get(tensor);
    if (value && !replaced.has(tensor)) replaced.set(tensor, constant(value.slice(), tensor.shape));
    return replaced.get(tensor) ?? tensor;
  };
  for (const node of nodes) {
    const folded = foldedBatchNorm(node, values, uses);
    const inputs = folded ? [now(folded.x), folded.weight, folded.bias] : node.inputs.map(now);
    if (!folded && inputs.every((tensor, i) => tensor === node.inputs[i])) continue;
    const { operator, attributes } = folded ? folded.convolution : node;
    const outputs = withScope(node.scope, () => apply(operator, inputs, attributes));
    node.outputs.forEach((tensor, i) => replaced.set(tensor, outputs[i]!));
  }
  return {
    inputs: definition.inputs.filter((leaf) => !values.has(leaf)),
    outputs: Object.fromEntries(results.map(([name, tensor]) => [name, now(tensor)])),
  };
}

interface FoldedConvolution {
  readonly convolution: Node;
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
}

/** The convolution that does what `norm` and the convolution before it do; undefined where there is none. */
function foldedBatchNorm(
  norm: Node,
  values: ReadonlyMap<Tensor, Float32Array>,
  uses: ReadonlyMap<Tensor, number>,
): FoldedConvolution | undefined {
  if (norm.operator.name !== 'batchNorm') return undefined;
  const [y, ...vectors] = norm.inputs as [Tensor, ...Tensor[]];
  const convolution = y.node;
  if (convolution.operator.name !== 'conv2d' || uses.get(y) !== 1) return undefined;
  const [x, kernel, offset] = convolution.inputs as [Tensor, Tensor, Tensor | undefined];
  const [w, b, gamma, beta, mean, variance] = [kernel, offset, ...vectors].map((t) => t && values.get(t));
  if (!w || (offset && !b) || !gamma || !beta || !mean || !variance) return undefined;
  const { epsilon } = norm.attributes as { readonly epsilon: number };
  const folded = foldNorm({ weight: w, bias: b, gamma, beta, mean, variance, epsilon });
  return {
    convolution,
    x,
    weight: constant(folded.weight, kernel.shape),
    bias: constant(folded.bias, [folded.bias.length]),
  };
}

/** A convolution and the batch norm after it; all but the convolution's weight hold a value a filter. */
interface NormedFilters {
  /** Filters first. */
  readonly weight: Float32Array;
  /** Undefined for a convolution without one. */
  readonly bias: Float32Array | undefined;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly epsilon: number;
}

/** Weight and bias of the convolution that does the work of both, by the equation above. */
export function foldNorm({ weight, bias, gamma, beta, mean, variance, epsilon }: NormedFilters) {
  const scale = gamma.map((g, o) => g / Math.sqrt(variance[o]! + epsilon));
  const perFilter = weight.length / scale.length;
  return {
    weight: weight.map((value, i) => value * scale[Math.floor(i / perFilter)]!),
    bias: beta.map((value, o) => value + scale[o]! * ((bias?.[o] ?? 0) - mean[o]!)),
  };
}
