/**
 * Folding: values that are known are written into the graph as constants. A weight that is an input may change from run
 * to run, so nothing can be prepared. If it is a constant, ONNX Runtime converts it to the blocked layout once and fuses
 * what follows, and a batch norm in evaluation mode becomes part of the convolution before it:
 *
 *   γ·(w∗x + b − μ)/√(σ² + ε) + β  =  (s·w)∗x + s·(b − μ) + β   with s = γ/√(σ² + ε)
 *
 * Which operators are affine functions of each channel, and which can absorb one, they declare themselves (`asAffine`,
 * `absorbAffine`). A frozen encoder runs folded while the rest of the model is trained.
 */
import type { GraphDefinition, KnownValue, Leaf, Node, Tensor } from '../tensor.js';
import { apply, constant, withScope } from '../tensor.js';
import { nodesBehind } from './reachability.js';

/**
 * The same computation with the values of some inputs written into it, and affine functions of known coefficients
 * absorbed by the operators that they follow. Its inputs are those without a value.
 *
 * @param valueOf the value of an input, undefined for one that stays an input; it is copied
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

  const known: KnownValue = (tensor) => values.get(tensor);
  const replaced = new Map<Tensor, Tensor>();
  const now = (tensor: Tensor): Tensor => {
    const value = values.get(tensor);
    if (value && !replaced.has(tensor)) replaced.set(tensor, constant(value.slice(), tensor.shape));
    return replaced.get(tensor) ?? tensor;
  };
  for (const node of nodes) {
    const x = node.inputs[0];
    const absorbed = x && uses.get(x) === 1 ? absorb(node, x.node, known) : undefined;
    const inputs = absorbed ? [now(x!.node.inputs[0]!), ...absorbed] : node.inputs.map(now);
    if (!absorbed && inputs.every((tensor, i) => tensor === node.inputs[i])) continue;
    const { operator, attributes } = absorbed ? x!.node : node;
    const outputs = withScope(node.scope, () => apply(operator, inputs, attributes));
    node.outputs.forEach((tensor, i) => replaced.set(tensor, outputs[i]!));
  }
  return {
    inputs: definition.inputs.filter((leaf) => !values.has(leaf)),
    outputs: Object.fromEntries(results.map(([name, tensor]) => [name, now(tensor)])),
  };
}

/** The inputs, after the first, with which `before` computes the result of `node`; undefined where that is not possible. */
function absorb(node: Node, before: Node, known: KnownValue): Tensor[] | undefined {
  const affine = before.operator.absorbAffine && node.operator.asAffine?.(node, known);
  return affine && before.operator.absorbAffine!(before, known, affine);
}
