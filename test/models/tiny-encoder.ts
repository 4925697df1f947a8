/** A small ONNX classifier as other tools write them, to be tapped as an encoder. */
import type { AttributeValue, OnnxModel, OnnxNode, OnnxTensor } from '../../src/onnx/index.js';
import { Random } from '../../src/random/index.js';

const ints = (...value: number[]): AttributeValue => ({ type: 'ints', value });

/** A node named after its output; several inputs and outputs are separated by blanks. */
export function node(
  opType: string,
  inputs: string,
  outputs: string,
  attributes: OnnxNode['attributes'] = {},
): OnnxNode {
  return {
    name: outputs,
    opType,
    domain: '',
    inputs: inputs === '' ? [] : inputs.split(' '),
    outputs: outputs.split(' '),
    attributes,
  };
}

function floats(name: string, dims: readonly number[], scale: number, shift = 0): OnnxTensor {
  const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
  const random = new Random(1, name);
  data.forEach((_, i) => (data[i] = shift + scale * random.normal()));
  return { name, dataType: 'float32', dims, data: new Uint8Array(data.buffer) };
}

/**
 * A classifier of RGB images whose tensors `act1` (6 channels), `act2` (8) and `act3` (10) halve the image's
 * size one by one. Its input says batch 1, and the classes' reshape means it; the layers before do not.
 */
export function tinyEncoder(changes: Partial<OnnxModel> = {}): OnnxModel {
  const conv = (stride: number) => ({
    kernel_shape: ints(3, 3),
    strides: ints(stride, stride),
    pads: ints(1, 1, 1, 1),
  });
  const shape = new Uint8Array(BigInt64Array.of(1n, 10n).buffer);
  return {
    irVersion: 7,
    producerName: 'other',
    producerVersion: '1',
    opsets: { '': 13 },
    metadata: {},
    graph: {
      name: 'classifier',
      nodes: [
        node('Conv', 'image w1 b1', 'conv1', conv(2)),
        node('BatchNormalization', 'conv1 gamma beta mean var', 'norm1'),
        node('Clip', 'norm1 zero six', 'act1'),
        node('Conv', 'act1 w2', 'conv2', conv(1)),
        node('Relu', 'conv2', 'full2'),
        node('MaxPool', 'full2', 'act2', { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
        node('Conv', 'act2 w3', 'conv3', conv(2)),
        node('Constant', '', 'slope', {
          value: { type: 'tensor', value: floats('', [1], 0, 0.1) },
        }),
        node('PRelu', 'conv3 slope', 'act3'),
        node('GlobalAveragePool', 'act3', 'pooled'),
        node('Reshape', 'pooled shape', 'classes'),
      ],
      initializers: [
        floats('w1', [6, 3, 3, 3], 0.3),
        floats('b1', [6], 0.1),
        floats('gamma', [6], 0.2, 1),
        floats('beta', [6], 0.2, 0.3),
        floats('mean', [6], 0.2),
        floats('var', [6], 0.05, 1),
        floats('zero', [], 0),
        floats('six', [], 0, 6),
        floats('w2', [8, 6, 3, 3], 0.2),
        floats('w3', [10, 8, 3, 3], 0.2),
        { name: 'shape', dataType: 'int64', dims: [2], data: shape },
      ],
      inputs: [{ name: 'image', dataType: 'float32', dims: [1, 3, 224, 224] }],
      outputs: [{ name: 'classes', dataType: 'float32', dims: [1, 10] }],
    },
    ...changes,
  };
}

/** The same with some nodes replaced, by the name of their output. */
export function withNodes(model: OnnxModel, ...replacements: readonly OnnxNode[]): OnnxModel {
  const nodes = model.graph.nodes.map((old) => replacements.find((r) => r.name === old.name) ?? old);
  return { ...model, graph: { ...model.graph, nodes } };
}

/**
 * A vision transformer without its layers: 5 channels for each patch of the RGB image (`patches`), and the same as
 * tokens behind two others, of which one stands for the class (`tokens`).
 */
export function tinyTransformer(patch: number): OnnxModel {
  const shape = new Uint8Array(BigInt64Array.of(0n, 5n, -1n).buffer);
  const geometry = { kernel_shape: ints(patch, patch), strides: ints(patch, patch) };
  return {
    ...tinyEncoder(),
    graph: {
      name: 'transformer',
      nodes: [
        node('Conv', 'image weight', 'patches', geometry),
        node('Reshape', 'patches shape', 'flat'),
        node('Transpose', 'flat', 'sequence', { perm: ints(0, 2, 1) }),
        node('ReduceMean', 'sequence', 'mean', { axes: ints(1) }),
        node('Concat', 'mean mean sequence', 'tokens', { axis: { type: 'int', value: 1 } }),
      ],
      initializers: [
        floats('weight', [5, 3, patch, patch], 0.1),
        { name: 'shape', dataType: 'int64', dims: [3], data: shape },
      ],
      inputs: [{ name: 'image', dataType: 'float32', dims: ['batch', 3, '', ''] }],
      outputs: [{ name: 'tokens', dataType: 'float32', dims: undefined }],
    },
  };
}
