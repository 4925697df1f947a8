/**
 * Folds each batch norm of an ONNX graph into the convolution before it. ONNX Runtime does this for float32
 * graphs, but float16 and int8 need it before weights are rounded.
 */
import { absorbedByFilters, normAsAffine } from '../graph/index.js';
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../onnx/index.js';
import { float32Values, tensorOf } from '../onnx/index.js';

/** Returns an equivalent graph with fewer nodes, or `graph` itself if nothing can be folded. */
export function foldBatchNorms(graph: OnnxGraph): OnnxGraph {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const uses = new Map<string, number>();
  const count = (name: string) => uses.set(name, (uses.get(name) ?? 0) + 1);
  graph.nodes.forEach(({ inputs }) => inputs.forEach(count));
  graph.outputs.forEach(({ name }) => count(name));

  const values = (name: string | undefined) => {
    const tensor = name === undefined ? undefined : constants.get(name);
    return tensor?.dataType === 'float32' ? float32Values(tensor) : undefined;
  };
  const folded: OnnxTensor[] = [];
  const replaced = new Map<OnnxNode, OnnxNode | undefined>();
  for (const norm of graph.nodes) {
    if (norm.opType !== 'BatchNormalization' || norm.outputs.length !== 1) continue;
    const [y, ...vectors] = norm.inputs as [string, ...string[]];
    const convolution = makers.get(y);
    if (convolution?.opType !== 'Conv' || uses.get(y) !== 1) continue;
    const [x, kernel, offset] = convolution.inputs as [string, string, string?];
    const [weight, bias, gamma, beta, mean, variance] = [kernel, offset, ...vectors].map(values);
    if (!weight || (offset !== undefined && !bias) || !gamma || !beta || !mean || !variance) continue;
    const { epsilon: attribute } = norm.attributes;
    // ONNX stores attributes as float32.
    const epsilon = Math.fround(attribute?.type === 'float' ? attribute.value : 1e-5);
    const affine = normAsAffine({ gamma, beta, mean, variance, epsilon });
    const both = absorbedByFilters(weight, bias, affine);
    const names = { weight: `${norm.name}/weight`, bias: `${norm.name}/bias` };
    folded.push(tensorOf(names.weight, 'float32', constants.get(kernel)!.dims, both.weight));
    folded.push(tensorOf(names.bias, 'float32', [both.bias.length], both.bias));
    replaced.set(convolution, undefined);
    replaced.set(norm, { ...convolution, inputs: [x, names.weight, names.bias], outputs: norm.outputs });
  }
  if (folded.length === 0) return graph;
  const nodes = graph.nodes.flatMap((node) => (replaced.has(node) ? (replaced.get(node) ?? []) : [node]));
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const initializers = [...graph.initializers, ...folded].filter(({ name }) => used.has(name));
  return { ...graph, nodes, initializers };
}
