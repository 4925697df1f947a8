/**
 * Converts a graph to float16, which halves its size, and its time on devices that compute in 16 bits. Inputs and
 * outputs stay float32. ONNX Runtime's CPU provider stores values in 16 bits and computes in 32.
 */
import { PixelwiseError } from '../errors/index.js';
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../onnx/index.js';
import {
  DATA_TYPES,
  encodeFloat16,
  float32Values,
  int,
  LARGEST_FLOAT16,
  nodeFor,
  tensorOf,
} from '../onnx/index.js';

/**
 * Converts all float32 values inside the graph to float16.
 *
 * @throws PixelwiseError `float16` for a weight beyond ±65,504.
 */
export function inHalfPrecision(graph: OnnxGraph): OnnxGraph {
  const inside = new Map<string, string>();
  const casts: OnnxNode[] = [];
  for (const { name, dataType } of graph.inputs) {
    if (dataType !== 'float32') continue;
    inside.set(name, `${name}/float16`);
    casts.push(cast(name, `${name}/float16`, 'float16'));
  }
  const results: OnnxNode[] = [];
  for (const { name, dataType } of graph.outputs) {
    if (dataType !== 'float32') continue;
    inside.set(name, `${name}/float16`);
    results.push(cast(`${name}/float16`, name, 'float32'));
  }
  const rename = (name: string): string => inside.get(name) ?? name;
  const nodes = graph.nodes.map((node): OnnxNode => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes:
      node.opType === 'Cast' && numberOf(node.attributes.to) === DATA_TYPES.float32
        ? { ...node.attributes, to: int(DATA_TYPES.float16) }
        : node.attributes,
  }));
  return {
    ...graph,
    nodes: [...casts, ...nodes, ...results],
    initializers: graph.initializers.map(halved),
  };
}

const numberOf = (attribute: OnnxNode['attributes'][string] | undefined): number | undefined =>
  attribute?.type === 'int' ? attribute.value : undefined;

const cast = (from: string, to: string, type: 'float16' | 'float32'): OnnxNode =>
  nodeFor(to, 'Cast', [from], { to: int(DATA_TYPES[type]) });

function halved(tensor: OnnxTensor): OnnxTensor {
  if (tensor.dataType !== 'float32') return tensor;
  const values = float32Values(tensor);
  const large = values.find((value) => Math.abs(value) > LARGEST_FLOAT16);
  if (large !== undefined) {
    throw new PixelwiseError(
      'float16',
      `${tensor.name} contains ${large}, which is outside the range of float16 (±${LARGEST_FLOAT16}). Export with --precision float32 or int8.`,
    );
  }
  return tensorOf(tensor.name, 'float16', tensor.dims, encodeFloat16(values));
}
