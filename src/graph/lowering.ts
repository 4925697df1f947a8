/**
 * Writes a graph of symbolic tensors as an ONNX model. Each operator writes its own nodes (`lower`), as its target
 * asks for; this file walks the graph, names the results and collects constants.
 */
import { PixelwiseError } from '../errors/index.js';
import { GraphBuilder, int, modelOf, nodeFor, valuesBehind } from '../onnx/graph-builder.js';
import type { OnnxModel, OnnxNode } from '../onnx/model.js';
import { blockedLayout } from './passes/blocked-layout.js';
import type { LayoutPlan } from './passes/blocked-layout.js';
import { nodesBehind } from './passes/reachability.js';
import type { Target } from './target.js';
import type { DType, GraphDefinition, Node, Shape, Tensor } from './tensor.js';
import { Leaf, withScope } from './tensor.js';
import './tensor-methods.js';

/** Writes the ONNX nodes of one graph. Operators receive it in `lower`. */
export class Lowering extends GraphBuilder {
  private readonly names = new Map<Tensor, string>();
  /** For each result of {@link reshape}, the value that was reshaped first. */
  private readonly reshaped = new Map<string, string>();

  constructor(
    readonly target: Target,
    private readonly plan: LayoutPlan = { nodes: [], useCounts: new Map(), planned: new Map() },
  ) {
    super();
  }

  /** The ONNX name of a tensor that has been lowered. */
  name(tensor: Tensor): string {
    const name = this.names.get(tensor);
    if (name === undefined) throw new Error(`tensor of ${tensor.node.operator.name} is not lowered yet`);
    return name;
  }

  bind(tensor: Tensor, name: string): void {
    this.names.set(tensor, name);
  }

  /** How often the graph reads the tensor. Being a result of the graph counts as one reader. */
  uses(tensor: Tensor): number {
    return this.plan.useCounts.get(tensor) ?? 0;
  }

  reshape(name: string, shape: Shape): string {
    const source = this.reshaped.get(name) ?? name;
    const result = this.emit('Reshape', [source, this.int64s(shape)]);
    this.reshaped.set(result, source);
    return result;
  }

  /** The element type that the graph computes with where the model says `dtype`. */
  dtype(dtype: DType): DType {
    return !this.target.allIntegers && (dtype === 'int64' || dtype === 'uint8') ? 'int32' : dtype;
  }

  /** A cast to the type that the graph computes with in place of `to`. */
  cast(name: string, to: DType): string {
    return this.castTo(name, this.dtype(to));
  }

  /** Concatenates any number of tensors, in several steps where the target takes only a few at once. */
  concat(names: readonly string[], axis: number): string {
    let parts = [...names];
    while (parts.length > 1) {
      const grouped: string[] = [];
      for (let i = 0; i < parts.length; i += this.target.maxOperands) {
        const group = parts.slice(i, i + this.target.maxOperands);
        grouped.push(group.length === 1 ? group[0]! : this.emit('Concat', group, { axis: int(axis) }));
      }
      parts = grouped;
    }
    return parts[0]!;
  }

  /** Cuts a vector into parts of the given sizes, in several steps where the target makes only a few at once. */
  split(name: string, sizes: readonly number[]): string[] {
    if (sizes.length === 1) return [name];
    const most = this.target.maxOperands;
    // The parts of a step have as many parts of their own as later steps can cut.
    let each = 1;
    while (sizes.length > each * most) each *= most;
    const groups = Array.from({ length: Math.ceil(sizes.length / each) }, (_, i) =>
      sizes.slice(i * each, (i + 1) * each),
    );
    const totals = groups.map((group) => group.reduce((sum, size) => sum + size, 0));
    const parts = this.emitMany('Split', [name, this.int64s(totals)], groups.length, { axis: int(0) });
    return groups.flatMap((group, i) => this.split(parts[i]!, group));
  }

  /**
   * Lowers an expression of other operators: `expression` gets a symbolic tensor for each of `inputs` and returns
   * the result.
   */
  compose(inputs: readonly Tensor[], expression: (...inputs: Tensor[]) => Tensor): string {
    const leaves = inputs.map((t) => new Leaf('composed', t.shape, this.dtype(t.dtype)));
    leaves.forEach((leaf, i) => this.names.set(leaf, this.name(inputs[i]!)));
    const result = withScope(this.scope, () => expression(...leaves));
    for (const node of nodesBehind([result])) if (!this.names.has(node.outputs[0]!)) this.lower(node);
    return this.name(result);
  }

  /** Lowers one node: as the plan says, as a recomputation, or as its operator does by default. */
  lower(node: Node): void {
    this.scope = node.scope;
    const planned = this.plan.planned.get(node);
    const again = node.recomputed ? node.operator.recompute : undefined;
    const outputs = planned ? planned.lower(this) : (again ?? node.operator).lower(node, this);
    node.outputs.forEach((tensor, i) => {
      if (outputs[i] !== undefined && outputs[i] !== '') this.names.set(tensor, outputs[i]);
    });
  }
}

/** An input of a lowered graph. */
export interface GraphInput {
  readonly name: string;
  readonly shape: Shape;
  /** The element type in the model. */
  readonly dtype: DType;
  /** The element type that is fed: int32 for other integers and bool where the target needs it. */
  readonly hostDtype: DType;
}

export interface GraphOutput {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface LoweredGraph {
  readonly model: OnnxModel;
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly GraphOutput[];
}

/**
 * Writes the computation of `outputs` from `inputs` as an ONNX model for `target`.
 *
 * @throws PixelwiseError `graph` where two inputs, or an input and a result, have the same name.
 */
export function lowerGraph(
  definition: GraphDefinition,
  target: Target,
  options: { readonly name?: string; readonly metadata?: Record<string, string> } = {},
): LoweredGraph {
  const results = Object.entries(definition.outputs);
  const plan = blockedLayout(
    results.map(([, tensor]) => tensor),
    target,
  );
  const lowering = new Lowering(target, plan);
  const inputs: GraphInput[] = [];
  const seen = new Set<string>();
  for (const leaf of definition.inputs) {
    if (seen.has(leaf.name)) {
      throw new PixelwiseError(
        'graph',
        `two inputs of one graph are named "${leaf.name}": give them different names`,
      );
    }
    seen.add(leaf.name);
    const { name, shape, dtype } = leaf;
    const computed = lowering.dtype(dtype);
    const hostDtype = dtype === 'bool' && !target.allIntegers ? 'int32' : computed;
    inputs.push({ name, shape, dtype, hostDtype });
    lowering.bind(leaf, hostDtype === computed ? name : lowering.cast(name, computed));
  }
  for (const node of plan.nodes) {
    if (node.outputs[0] instanceof Leaf) {
      if (!definition.inputs.includes(node.outputs[0])) node.operator.lower(node, lowering);
    } else {
      lowering.lower(node);
    }
  }
  const outputs = results.map(([name, tensor]): GraphOutput => {
    if (seen.has(name)) {
      throw new PixelwiseError(
        'graph',
        `an input and a result of one graph are both named "${name}": give them different names`,
      );
    }
    const computed = lowering.name(tensor);
    const given =
      lowering.dtype(tensor.dtype) === tensor.dtype ? computed : lowering.castTo(computed, tensor.dtype);
    // A result may be an input, a constant, or needed under two names: Identity gives it a name of its own.
    lowering.nodes.push({ ...nodeFor(name, 'Identity', [given]), name: `${RESULT}${name}` });
    return { name, shape: tensor.shape, dtype: tensor.dtype };
  });
  // A reshape of a reshape leaves the first one without a reader.
  const wanted = valuesBehind(
    lowering.nodes,
    results.map(([name]) => name),
  );
  const kept = renameResults(
    lowering.nodes.filter((node) => node.outputs.some((name) => wanted.has(name))),
    new Set(inputs.map(({ name }) => name)),
  );
  const graph = {
    name: options.name ?? 'graph',
    nodes: kept,
    initializers: lowering.initializers.filter(({ name }) => wanted.has(name)),
    inputs: inputs.map(({ name, hostDtype, shape }) => ({ name, dataType: hostDtype, dims: shape })),
    outputs: outputs.map(({ name, dtype, shape }) => ({ name, dataType: dtype, dims: shape })),
  };
  return { model: modelOf(graph, { ...options, domains: lowering.domains }), inputs, outputs };
}

/** Begins the names of the nodes that name results. */
const RESULT = 'output/';

/** Drops the Identity of a result where the node that computes it can have the result's name itself. */
function renameResults(nodes: readonly OnnxNode[], inputs: ReadonlySet<string>): OnnxNode[] {
  const producers = new Set(nodes.flatMap((node) => node.outputs));
  const renamed = new Map<string, string>();
  const kept = nodes.filter((node) => {
    const from = node.inputs[0]!;
    if (!node.name.startsWith(RESULT) || inputs.has(from) || !producers.has(from) || renamed.has(from))
      return true;
    renamed.set(from, node.outputs[0]!);
    return false;
  });
  const rename = (name: string) => renamed.get(name) ?? name;
  return kept.map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
}
