/**
 * The one way to write ONNX nodes and constants: attributes, tensors, nodes, and a builder that collects and names
 * them. All models that this project writes have the same opset and IR version.
 */
import type { AttributeValue, DataType, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from './model.js';
import { DATA_TYPES } from './model.js';

export const OPSET = 17;
export const IR_VERSION = 8;

export type Attributes = Readonly<Record<string, AttributeValue>>;

export const int = (value: number): AttributeValue => ({ type: 'int', value });
export const ints = (value: readonly number[]): AttributeValue => ({ type: 'ints', value });
export const float = (value: number): AttributeValue => ({ type: 'float', value });
export const text = (value: string): AttributeValue => ({ type: 'string', value });

/** A constant whose data are a view of `values`. */
export function tensorOf(
  name: string,
  dataType: DataType,
  dims: readonly number[],
  { buffer, byteOffset, byteLength }: ArrayBufferView,
): OnnxTensor {
  return { name, dataType, dims, data: new Uint8Array(buffer, byteOffset, byteLength) };
}

/** The values of a float32 constant, copied: the data of a decoded file may start at any byte. */
export const float32Values = ({ data }: OnnxTensor): Float32Array<ArrayBuffer> =>
  new Float32Array(data.slice().buffer);

/** A node of one output, named after the output. */
export function nodeFor(
  output: string,
  opType: string,
  inputs: readonly string[],
  attributes: Attributes = {},
): OnnxNode {
  return { name: `${output}/${opType}`, opType, domain: '', inputs, outputs: [output], attributes };
}

/** Wraps a graph as a model of {@link OPSET}. `domains` are those of other operator sets that its nodes use. */
export function modelOf(
  graph: OnnxGraph,
  { domains = [], metadata = {} }: { domains?: Iterable<string>; metadata?: OnnxModel['metadata'] } = {},
): OnnxModel {
  return {
    irVersion: IR_VERSION,
    producerName: 'pixelwise',
    producerVersion: '',
    opsets: { '': OPSET, ...Object.fromEntries([...domains].map((domain) => [domain, 1])) },
    metadata,
    graph,
  };
}

/** The names of all values that `outputs` are computed from, themselves included. */
export function valuesBehind(nodes: readonly OnnxNode[], outputs: Iterable<string>): Set<string> {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const wanted = new Set<string>();
  const open = [...outputs];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (wanted.has(name) || name === '') continue;
    wanted.add(name);
    open.push(...(makers.get(name)?.inputs ?? []));
  }
  return wanted;
}

/** Equal constants up to this size in bytes are stored once. */
const SHARED_BYTES = 256;

/** Collects nodes and constants. */
export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  /** Operator sets other than ONNX's own that nodes use. */
  readonly domains = new Set<string>();
  /** Where the nodes belong: the beginning of their names. */
  protected scope: string;
  private readonly constants = new Map<string, string>();
  private counter = 0;

  /** @param part begins every name, so that the parts of one file do not collide. */
  constructor(private readonly part = '') {
    this.scope = part;
  }

  /**
   * Adds a node of one output and returns the output's name: `output`, or one made up. An input '' is an optional
   * one left out.
   */
  emit(
    opType: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    { domain = '', output }: { readonly domain?: string; readonly output?: string } = {},
  ): string {
    return this.add(opType, inputs, attributes, domain, output === undefined ? 1 : [output])[0]!;
  }

  /** Adds a node of several outputs and returns their names. */
  emitMany(opType: string, inputs: readonly string[], count: number, attributes: Attributes = {}): string[] {
    return this.add(opType, inputs, attributes, '', count);
  }

  private add(
    opType: string,
    inputs: readonly string[],
    attributes: Attributes,
    domain: string,
    wanted: number | string[],
  ): string[] {
    const name = `${prefix(this.scope)}${opType}_${this.counter++}`;
    const outputs =
      typeof wanted !== 'number'
        ? wanted
        : Array.from({ length: wanted }, (_, i) => (wanted > 1 ? `${name}:${i}` : name));
    if (domain !== '') this.domains.add(domain);
    this.nodes.push({ name, opType, domain, inputs, outputs, attributes });
    return outputs;
  }

  /** A constant; small ones that are equal are stored once. */
  constant(values: ArrayBufferView, dims: readonly number[], dataType: DataType): string {
    const tensor = tensorOf('', dataType, dims, values);
    const key =
      tensor.data.length <= SHARED_BYTES ? `${dataType}|${dims.join()}|${tensor.data.join()}` : undefined;
    const known = key === undefined ? undefined : this.constants.get(key);
    if (known !== undefined) return known;
    const name = this.define({ ...tensor, name: `${prefix(this.part)}constant_${this.initializers.length}` });
    if (key !== undefined) this.constants.set(key, name);
    return name;
  }

  /** Adds a constant under its own name, and returns the name. */
  define(tensor: OnnxTensor): string {
    this.initializers.push(tensor);
    return tensor.name;
  }

  /** A 1-D int64 constant: shapes, axes, starts and ends. */
  int64s(values: readonly number[]): string {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length], 'int64');
  }

  /** A float32 constant of rank 0. */
  scalar(value: number): string {
    return this.constant(Float32Array.of(value), [], 'float32');
  }

  /** An int64 constant of rank 0. */
  int64(value: number): string {
    return this.constant(BigInt64Array.of(BigInt(value)), [], 'int64');
  }

  transpose(name: string, perm: readonly number[]): string {
    return this.emit('Transpose', [name], { perm: ints(perm) });
  }

  castTo(name: string, to: DataType, output?: string): string {
    return this.emit('Cast', [name], { to: int(DATA_TYPES[to]) }, output === undefined ? {} : { output });
  }
}

const prefix = (part: string) => (part === '' ? '' : `${part}/`);
