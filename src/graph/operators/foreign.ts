/** A part of a graph that was read from an ONNX file, as one node: its lowering writes the file's nodes again. */
import { ShapeError } from '../../errors/index.js';
import type { OnnxGraph } from '../../onnx/model.js';
import type { Operator, Tensor, TensorType } from '../tensor.js';
import { apply, atScope } from '../tensor.js';

/**
 * Nodes of ONNX's own operator set, each after those that it reads, with the constants that they read. None
 * holds a graph of its own (If, Loop). Names need to be unique here alone.
 */
export type ForeignGraph = Pick<OnnxGraph, 'nodes' | 'initializers'> & {
  /** Names of what is fed, one for each of the node's inputs. */
  readonly inputs: readonly string[];
  /** Names of what is taken, one for each of the node's outputs. */
  readonly outputs: readonly string[];
};

interface ForeignAttributes {
  readonly graph: ForeignGraph;
  readonly types: readonly TensorType[];
}

const foreignOperator: Operator<ForeignAttributes> = {
  name: 'foreign',
  infer(inputs, { graph, types }) {
    if (inputs.length !== graph.inputs.length || types.length !== graph.outputs.length) {
      throw new ShapeError(
        `a foreign graph of ${graph.inputs.length} inputs and ${graph.outputs.length} outputs was given ${inputs.length} inputs and ${types.length} types${atScope()}`,
      );
    }
    return [...types];
  },
  lower({ inputs, attributes: { graph } }, onnx) {
    // A foreign graph has a node at least, and so no other one stands after as many.
    const prefix = `foreign_${onnx.nodes.length}/`;
    const given = new Map(graph.inputs.map((name, i) => [name, onnx.name(inputs[i]!)]));
    // '' stands for an optional input or output that is left out.
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
 * What a foreign graph makes of `inputs`. No gradient flows through it.
 *
 * @param types of the outputs; ONNX Runtime refuses a graph in which they are wrong.
 */
export function foreign(
  graph: ForeignGraph,
  inputs: readonly Tensor[],
  types: readonly TensorType[],
): Tensor[] {
  return apply(foreignOperator, inputs, { graph, types });
}
