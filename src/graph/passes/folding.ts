/**
 * Folding: known values become constants of the graph. A weight that is an input may change from run to run, so ONNX
 * Runtime cannot prepare it in advance. If it is a constant, ONNX Runtime converts it to the blocked layout once and
 * fuses the operators that follow, and a batch norm in evaluation mode becomes part of the convolution before it:
 *
 *   γ·(w∗x + b − μ)/√(σ² + ε) + β  =  (s·w)∗x + s·(b − μ) + β   with s = γ/√(σ² + ε)
 *
 * An operator declares whether it is an affine function of each channel (`asAffine`) and whether it can absorb one that
 * follows it (`absorbAffine`). A frozen encoder is folded while the rest of the model is trained.
 */
import type { GraphDefinition, KnownValue, Leaf, Node, Tensor } from '../tensor.js';
import { constant, reapply } from '../tensor.js';
import { nodesBehind } from './reachability.js';

/**
 * Replaces inputs by constants, and merges affine functions with known coefficients into the operators before them. The
 * inputs of the result are those without a value.
 *
 * @param valueOf returns the value of an input, which is copied, or undefined if it stays an input
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
  const replacementOf = (tensor: Tensor): Tensor => {
    const value = values.get(tensor);
    if (value && !replaced.has(tensor)) replaced.set(tensor, constant(value.slice(), tensor.shape));
    return replaced.get(tensor) ?? tensor;
  };
  for (const node of nodes) {
    const x = node.inputs[0];
    const absorbed = x && uses.get(x) === 1 ? absorb(node, x.node, known) : undefined;
    const inputs = absorbed
      ? [replacementOf(x!.node.inputs[0]!), ...absorbed]
      : node.inputs.map(replacementOf);
    if (!absorbed && inputs.every((tensor, i) => tensor === node.inputs[i])) continue;
    const outputs = reapply(absorbed ? x!.node : node, inputs, { scope: node.scope });
    node.outputs.forEach((tensor, i) => replaced.set(tensor, outputs[i]!));
  }
  return {
    inputs: definition.inputs.filter((leaf) => !values.has(leaf)),
    outputs: Object.fromEntries(results.map(([name, tensor]) => [name, replacementOf(tensor)])),
  };
}

/** The inputs after the first with which `before` computes the result of `node`; undefined if that is not possible. */
function absorb(node: Node, before: Node, known: KnownValue): Tensor[] | undefined {
  const affine = before.operator.absorbAffine && node.operator.asAffine?.(node, known);
  return affine && before.operator.absorbAffine!(before, known, affine);
}
