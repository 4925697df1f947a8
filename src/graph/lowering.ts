/**
 * From a graph of symbolic tensors to an ONNX model. Each operator writes its own nodes (`lower`); this
 * file walks the graph, names things and collects constants. A lowering is told its target, and so each
 * operator chooses what is fast, or exists, there.
 */
import type { AttributeValue, OnnxModel, OnnxNode, OnnxTensor } from '../onnx/model.js';
import { PixelwiseError } from '../errors/index.js';
import { nodesBehind } from './gradients.js';
import type { DType, Node, Shape, Tensor, TensorData } from './tensor.js';
import { arrayOf, Leaf, withScope } from './tensor.js';

/** What a target lacks or gets wrong; the operators concerned write themselves otherwise there. */
export type Gap =
  | 'Sign'
  | 'Or'
  | 'LogSoftmax'
  /** Neg, Abs and Sign of integers. */
  | 'integer Neg'
  /** Slice of integers and bool. */
  | 'integer Slice'
  /** Equal, Transpose, Concat and Pad of bool. */
  | 'bool moves'
  /** Pow whose operands differ in shape. */
  | 'broadcasting Pow';

/** What the machine that will run the graph can do. */
export interface Target {
  /** For messages: `cpu`, `webgpu`. */
  readonly name: string;
  /** `com.microsoft` FusedMatMul: a matrix product that transposes its operands on the way. */
  readonly fusedMatMul: boolean;
  /** MaxPool with its indices output, and MaxUnpool. */
  readonly indexedPooling: boolean;
  /** HardSigmoid, and that it is one pass. */
  readonly hardSigmoid: boolean;
  /** Slice with negative steps. */
  readonly negativeSteps: boolean;
  /**
   * Whether the graph can compute with int64 and uint8; else int32 stands for them inside of it. It is
   * then fed for bool too: ONNX Runtime may move a Transpose up to an input, and has none of bool there.
   */
  readonly allIntegers: boolean;
  /**
   * Channels of a block of ONNX Runtime's private layout for convolutions, which it has on some processors; 0
   * where it has none, or where a graph is to hold standard operators only.
   */
  readonly convolutionBlock: number;
  /** How many tensors Concat and Sum take at once. */
  readonly maxOperands: number;
  readonly gaps: ReadonlySet<Gap>;
}

/** Standard operators only: what an exported file is written for. */
export const PORTABLE: Target = {
  name: 'onnx',
  fusedMatMul: false,
  indexedPooling: true,
  hardSigmoid: true,
  negativeSteps: true,
  allIntegers: true,
  convolutionBlock: 0,
  maxOperands: Infinity,
  gaps: new Set(),
};

/** ONNX Runtime's CPU provider; `createNodeRuntime` adds the block of convolutions that the machine has. */
export const CPU: Target = { ...PORTABLE, name: 'cpu', fusedMatMul: true };

/** onnxruntime-web's WebGPU provider with no node falling back to the CPU. */
export const WEBGPU: Target = {
  name: 'webgpu',
  fusedMatMul: false,
  indexedPooling: false,
  hardSigmoid: false,
  negativeSteps: false,
  allIntegers: false,
  convolutionBlock: 0,
  // A compute stage binds at most eight storage buffers: seven operands and the result.
  maxOperands: 7,
  gaps: new Set([
    'Sign',
    'Or',
    'LogSoftmax',
    'integer Neg',
    'integer Slice',
    'bool moves',
    // Its shader does not compile where the last axis is repeated and a multiple of 4 (ONNX Runtime 1.30).
    'broadcasting Pow',
  ]),
};

export const OPSET = 17;
export const IR_VERSION = 8;

export const int = (value: number): AttributeValue => ({ type: 'int', value });
export const ints = (value: readonly number[]): AttributeValue => ({ type: 'ints', value });
export const float = (value: number): AttributeValue => ({ type: 'float', value });
export const text = (value: string): AttributeValue => ({ type: 'string', value });

export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Writes ONNX nodes for one graph. Operators see this. */
export class Lowering {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  private readonly names = new Map<Tensor, string>();
  private readonly constants = new Map<string, string>();
  /** What each result of {@link reshape} is another shape of. */
  private readonly reshaped = new Map<string, string>();
  private readonly domains = new Set<string>();
  /** For results whose node can apply an activation on the way: what that node itself gives. */
  private readonly activations = new Map<Tensor, string>();
  private readonly useCounts: ReadonlyMap<Tensor, number>;
  private scope = '';
  private counter = 0;

  constructor(
    readonly target: Target,
    useCounts: ReadonlyMap<Tensor, number> = new Map(),
  ) {
    this.useCounts = useCounts;
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

  /** How often the graph reads the tensor, its outputs included. */
  uses(tensor: Tensor): number {
    return this.useCounts.get(tensor) ?? 0;
  }

  /** Emits a node of one output and returns the output's name. An input '' is an optional one left out. */
  emit(opType: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
    return this.emitMany(opType, inputs, 1, attributes, domain)[0]!;
  }

  emitMany(
    opType: string,
    inputs: readonly string[],
    outputCount: number,
    attributes: Attributes = {},
    domain = '',
  ): string[] {
    const id = this.counter++;
    const name = `${this.scope === '' ? '' : `${this.scope}/`}${opType}_${id}`;
    const outputs = Array.from({ length: outputCount }, (_, i) => (outputCount > 1 ? `${name}:${i}` : name));
    if (domain !== '') this.domains.add(domain);
    this.nodes.push({ name, opType, domain, inputs, outputs, attributes });
    return outputs;
  }

  /** Lets a ReLU that alone reads `result` be applied by the node that gives `output`, by its attribute. */
  offerActivation(result: Tensor, output: string): void {
    this.activations.set(result, output);
  }

  /** Whether the node that makes `tensor` applies a ReLU from now on, and none of its own is needed. */
  takeRelu(tensor: Tensor): boolean {
    const output = this.activations.get(tensor);
    if (output === undefined || this.uses(tensor) !== 1) return false;
    const at = this.nodes.findLastIndex(({ outputs }) => outputs[0] === output);
    const node = this.nodes[at]!;
    this.nodes[at] = { ...node, attributes: { ...node.attributes, activation: text('Relu') } };
    this.activations.delete(tensor);
    return true;
  }

  /** A constant of the given element type; equal small constants are stored once. */
  constant(data: TensorData, shape: Shape, dtype: DType): string {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = bytes.length <= 256 ? `${dtype}|${shape.join()}|${bytes.join()}` : undefined;
    const known = key === undefined ? undefined : this.constants.get(key);
    if (known !== undefined) return known;
    const name = `constant_${this.initializers.length}`;
    this.initializers.push({ name, dataType: dtype, dims: shape, data: bytes });
    if (key !== undefined) this.constants.set(key, name);
    return name;
  }

  /** A 1-D int64 constant: shapes, axes, starts and ends. */
  int64s(values: readonly number[]): string {
    return this.constant(arrayOf('int64', values), [values.length], 'int64');
  }

  /** A float constant of rank 0. */
  scalar(value: number): string {
    return this.constant(Float32Array.of(value), [], 'float32');
  }

  reshape(name: string, shape: Shape): string {
    const source = this.reshaped.get(name) ?? name;
    const result = this.emit('Reshape', [source, this.int64s(shape)]);
    this.reshaped.set(result, source);
    return result;
  }

  transpose(name: string, perm: readonly number[]): string {
    return this.emit('Transpose', [name], { perm: ints(perm) });
  }

  /** The type that the graph computes with where the model says `dtype`. */
  dtype(dtype: DType): DType {
    return !this.target.allIntegers && (dtype === 'int64' || dtype === 'uint8') ? 'int32' : dtype;
  }

  cast(name: string, to: DType): string {
    return this.castExactly(name, this.dtype(to));
  }

  /** A cast to a type that the graph may not compute with, but takes and gives at its border. */
  castExactly(name: string, to: DType): string {
    return this.emit('Cast', [name], { to: int(CAST_CODES[to]) });
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

  /**
   * Writes a part of the graph as an expression of other operators: `expression` gets a symbolic tensor
   * for each of `inputs` and returns the result.
   */
  compose(inputs: readonly Tensor[], expression: (...inputs: Tensor[]) => Tensor): string {
    const leaves = inputs.map((t) => new Leaf('composed', t.shape, this.dtype(t.dtype)));
    leaves.forEach((leaf, i) => this.names.set(leaf, this.name(inputs[i]!)));
    const result = withScope(this.scope, () => expression(...leaves));
    for (const node of nodesBehind([result])) if (!this.names.has(node.outputs[0]!)) this.lower(node);
    return this.name(result);
  }

  /** Lowers one node. */
  lower(node: Node): void {
    this.scope = node.scope;
    const outputs = node.operator.lower(node, this);
    node.outputs.forEach((tensor, i) => {
      if (outputs[i] !== undefined && outputs[i] !== '') this.names.set(tensor, outputs[i]);
    });
  }

  opsets(): Record<string, number> {
    return { '': OPSET, ...Object.fromEntries([...this.domains].map((domain) => [domain, 1])) };
  }
}

/** `TensorProto.DataType` of each element type. */
const CAST_CODES: Record<DType, number> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 };

/** An input of a lowered graph as the host feeds it. */
export interface GraphInput {
  readonly name: string;
  readonly shape: Shape;
  /** What the model says. */
  readonly dtype: DType;
  /** What is fed: int32 for other integers and bool where the target asks for it. */
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

export interface GraphDefinition {
  readonly inputs: readonly Leaf[];
  /** Named results, in the order in which the host wants them. */
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** Writes the computation of `outputs` from `inputs` as an ONNX model for `target`. */
export function lowerGraph(
  definition: GraphDefinition,
  target: Target,
  options: { readonly name?: string; readonly metadata?: Record<string, string> } = {},
): LoweredGraph {
  const results = Object.entries(definition.outputs);
  const nodes = nodesBehind(
    results.map(([, tensor]) => tensor),
    (node) => node.operator.reads?.(node, target) ?? node.inputs,
  );
  const useCounts = new Map<Tensor, number>();
  const count = (t: Tensor) => useCounts.set(t, (useCounts.get(t) ?? 0) + 1);
  for (const node of nodes) (node.operator.reads?.(node, target) ?? node.inputs).forEach(count);
  results.forEach(([, tensor]) => count(tensor));

  const lowering = new Lowering(target, useCounts);
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
  for (const node of nodes) {
    if (node.operator.name === 'input') {
      if (!definition.inputs.includes(node.outputs[0] as Leaf)) node.operator.lower(node, lowering);
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
      lowering.dtype(tensor.dtype) === tensor.dtype ? computed : lowering.castExactly(computed, tensor.dtype);
    // A result may be an input or constant, or wanted twice: Identity gives it a name of its own.
    lowering.nodes.push({
      name: `output/${name}`,
      opType: 'Identity',
      domain: '',
      inputs: [given],
      outputs: [name],
      attributes: {},
    });
    return { name, shape: tensor.shape, dtype: tensor.dtype };
  });
  const kept = renameResults(nodesBehindResults(lowering.nodes, results), new Set(inputs.map((i) => i.name)));
  const read = new Set(kept.flatMap((node) => node.inputs));
  const model: OnnxModel = {
    irVersion: IR_VERSION,
    producerName: 'pixelwise',
    producerVersion: '',
    opsets: lowering.opsets(),
    metadata: options.metadata ?? {},
    graph: {
      name: options.name ?? 'graph',
      nodes: kept,
      initializers: lowering.initializers.filter(({ name }) => read.has(name)),
      inputs: inputs.map(({ name, hostDtype, shape }) => ({ name, dataType: hostDtype, dims: shape })),
      outputs: outputs.map(({ name, dtype, shape }) => ({ name, dataType: dtype, dims: shape })),
    },
  };
  return { model, inputs, outputs };
}

/** The nodes that the results rest on: a reshape of a reshape leaves the first one without a reader. */
function nodesBehindResults(
  nodes: readonly OnnxNode[],
  results: readonly (readonly [string, Tensor])[],
): OnnxNode[] {
  const wanted = new Set(results.map(([name]) => name));
  const kept: OnnxNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    kept.push(node);
    node.inputs.forEach((name) => wanted.add(name));
  }
  return kept.reverse();
}

/** Drops the Identity before a result where the node that makes it can carry the result's name itself. */
function renameResults(nodes: readonly OnnxNode[], inputs: ReadonlySet<string>): OnnxNode[] {
  const producers = new Set(nodes.flatMap((node) => node.outputs));
  const renamed = new Map<string, string>();
  const kept = nodes.filter((node) => {
    const from = node.inputs[0]!;
    if (!node.name.startsWith('output/') || inputs.has(from) || !producers.has(from) || renamed.has(from))
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
