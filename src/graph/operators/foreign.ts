/** A part of an ONNX file as one node of the graph: its lowering writes the file's nodes. */
import { ShapeError } from '../../errors/index.js';
import type { OnnxGraph } from '../../onnx/model.js';
import type { Operator, Tensor, TensorType } from '../tensor.js';
import { apply, atScope } from '../tensor.js';

/**
 * Nodes of ONNX's own operator set, each after those that it reads, and the constants that they read. No node contains
 * a graph (If, Loop). Names must be unique within this graph only.
 */
export type ForeignGraph = Pick<OnnxGraph, 'nodes' | 'initializers'> & {
  /** The names of the values that are fed, one for each input of the node. */
  readonly inputs: readonly string[];
  /** The names of the results, one for each output of the node. */
  readonly outputs: readonly string[];
};

interface ForeignAttributes {
  readonly graph: ForeignGraph;
  readonly types: readonly TensorType[];
}

const foreignOperator: Operator<ForeignAttributes> = {
  name: 'foreign',
  multiplyAdds: () => undefined,
  infer(inputs, { graph, types }) {
    if (inputs.length !== graph.inputs.length || types.length !== graph.outputs.length) {
      throw new ShapeError(
        `a foreign graph of ${graph.inputs.length} inputs and ${graph.outputs.length} outputs was given ${inputs.length} inputs and ${types.length} types${atScope()}`,
      );
    }
    return [...types];
  },
  lower({ inputs, attributes: { graph } }, onnx) {
    // Every foreign graph adds at least one node, so this number is different for each.
    const prefix = `foreign_${onnx.nodes.length}/`;
    const given = new Map(graph.inputs.map((name, i) => [name, onnx.name(inputs[i]!)]));
    // '' is an optional input or output that is left out.
    const rename = (name: string) => (name === '' ? '' : (given.get(name) ?? prefix + name));
    for (const tensor of graph.initializers) {
      onnx.initializers.push({ ...tensor, name: rename(tensor.name) });
    }
    for (const [i, node] of graph.nodes.entries()) {
      onnx.nodes.push({
        ...node,
        name: `${prefix}${node.opType}_${i}`,
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      });
    }
    return graph.outputs.map(rename);
  },
};

/**
 * The results of a foreign graph for `inputs`. No gradient flows through it, and passes do not look inside.
 *
 * @param types of the outputs; ONNX Runtime refuses the graph if they are wrong
 */
export function foreign(
  graph: ForeignGraph,
  inputs: readonly Tensor[],
  types: readonly TensorType[],
): Tensor[] {
  return apply(foreignOperator, inputs, { graph, types });
}
