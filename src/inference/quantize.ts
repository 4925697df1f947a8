/**
 * Static quantisation to 8 bits, in the QuantizeLinear/DequantizeLinear form that ONNX Runtime converts to integer
 * kernels (as its `quantize_static` does; Jacob et al., "Quantization and training of neural networks for efficient
 * integer-arithmetic-only inference", 2018):
 *
 *   activations   uint8, one scale and zero point per tensor, from ranges measured on images
 *   weights       int8, one scale per filter, zero point 0
 *   biases        int32, in units of the product of both scales
 *
 * Weights use 7 of their 8 bits: processors without VNNI add two products in 16 bits, which 255 · 127 · 2 would
 * overflow, and a file should give the same results everywhere. The graph's outputs stay float32.
 */
import type { DataType, OnnxGraph, OnnxNode, OnnxTensor } from '../onnx/index.js';
import { float32Values, int, nodeFor, tensorOf } from '../onnx/index.js';
import type { ActivationRange } from './calibration.js';

/** Operators with integer kernels. */
const QUANTIZED = new Set(['Conv', 'Add', 'Concat', 'MaxPool', 'GlobalAveragePool']);
/** Activations that are part of the rounding after a convolution, because their range starts at 0. */
const ACTIVATIONS = new Set(['Relu', 'Clip']);
/** Operators whose result contains only values of the operand and therefore has the same range. */
const SAME_RANGE = new Set(['MaxPool']);
/** Operators whose weights are stored in 8 bits and converted to float32 before use, with the axis of filters. */
const STORED: Readonly<Record<string, number>> = { ConvTranspose: 1 };

const HIGHEST_WEIGHT = 63;
const HIGHEST_ACTIVATION = 255;

/** The tensors of a graph whose ranges quantisation needs. */
export function quantizedTensors(graph: OnnxGraph): string[] {
  const { users, constants, results } = factsOf(graph);
  const chosen = new Set<string>();
  for (const node of graph.nodes) {
    if (!isQuantized(node, constants)) continue;
    const operands = node.opType === 'Conv' ? node.inputs.slice(0, 1) : node.inputs;
    operands.forEach((name) => chosen.add(name));
    let result = node.outputs[0]!;
    const next = users.get(result);
    if (next?.length === 1 && ACTIVATIONS.has(next[0]!.opType)) result = next[0]!.outputs[0]!;
    if (!results.has(result)) chosen.add(result);
  }
  return [...chosen];
}

function factsOf({ nodes, initializers, outputs }: OnnxGraph) {
  const users = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    for (const name of node.inputs) users.set(name, [...(users.get(name) ?? []), node]);
  }
  return {
    users,
    constants: new Map(initializers.map((tensor) => [tensor.name, tensor])),
    results: new Set(outputs.map(({ name }) => name)),
  };
}

/** Whether the operator has an integer kernel for its operands. */
function isQuantized({ opType, inputs }: OnnxNode, constants: ReadonlyMap<string, OnnxTensor>): boolean {
  if (!QUANTIZED.has(opType)) return false;
  if (opType !== 'Conv') return !inputs.some((name) => constants.has(name));
  return inputs.slice(1).every((name) => constants.has(name));
}

/** Scale and zero point of a uint8 tensor. */
interface Scale {
  readonly scale: number;
  readonly zeroPoint: number;
}

/**
 * Quantises a graph. Batch norms must be folded into convolutions first.
 *
 * @param ranges the ranges of all {@link quantizedTensors}.
 */
export function quantizeGraph(graph: OnnxGraph, ranges: ReadonlyMap<string, ActivationRange>): OnnxGraph {
  const { constants } = factsOf(graph);
  const names = quantizedTensors(graph);
  const scales = new Map(names.map((name) => [name, scaleOf(ranges.get(name)!)]));
  for (const { opType, inputs, outputs } of graph.nodes) {
    if (SAME_RANGE.has(opType)) scales.set(outputs[0]!, scales.get(inputs[0]!)!);
  }
  const writer = new QuantizedWriter(constants);
  const rounded = new Set(names);
  graph.inputs.forEach(({ name }) => {
    if (rounded.has(name)) writer.round(name, scales.get(name)!);
  });
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => (rounded.has(name) ? dequantized(name) : name));
    if (isQuantized(node, constants) && node.opType === 'Conv') {
      const { scale } = scales.get(node.inputs[0]!)!;
      const [weight, bias] = node.inputs.slice(1) as [string, string | undefined];
      const weightScales = writer.weight(weight, 0, HIGHEST_WEIGHT, { bias, scale });
      inputs[1] = dequantized(weight);
      if (bias !== undefined) inputs[2] = writer.bias(node.name, bias, weightScales, scale);
    } else if (STORED[node.opType] !== undefined && constants.has(node.inputs[1]!) && isUngrouped(node)) {
      writer.weight(node.inputs[1]!, STORED[node.opType]!, 127);
      inputs[1] = dequantized(node.inputs[1]!);
    }
    writer.nodes.push({ ...node, inputs });
    for (const name of node.outputs) if (rounded.has(name)) writer.round(name, scales.get(name)!);
  }
  const used = new Set(writer.nodes.flatMap((node) => node.inputs));
  return {
    ...graph,
    nodes: writer.nodes,
    initializers: [...graph.initializers, ...writer.initializers].filter(({ name }) => used.has(name)),
  };
}

/** Whether there is one group. Only then is axis 1 of a transposed convolution's weight the axis of filters. */
const isUngrouped = ({ attributes }: OnnxNode): boolean =>
  attributes.group === undefined || (attributes.group.type === 'int' && attributes.group.value === 1);

const dequantized = (name: string): string => `${name}/dequantized`;

function scaleOf({ least, most }: ActivationRange): Scale {
  const low = Math.min(0, least);
  const high = Math.max(0, most);
  // Slightly smaller, because ONNX Runtime removes a Clip to 6 only if no rounded value exceeds 6.
  const scale = Math.fround(((high - low) / HIGHEST_ACTIVATION) * (1 - 2 ** -20)) || 1;
  return { scale, zeroPoint: Math.max(0, Math.min(HIGHEST_ACTIVATION, Math.round(-low / scale))) };
}

/** Writes quantisation nodes for tensors, and each constant once as integers. */
class QuantizedWriter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  private readonly weights = new Map<string, Float32Array>();

  constructor(private readonly constants: ReadonlyMap<string, OnnxTensor>) {}

  /** Rounds the tensor `name` to 8 bits and converts it back. */
  round(name: string, { scale, zeroPoint }: Scale): void {
    const parameters = [
      this.store(`${name}/scale`, 'float32', [], Float32Array.of(scale)),
      this.store(`${name}/zero_point`, 'uint8', [], Uint8Array.of(zeroPoint)),
    ];
    this.emit('QuantizeLinear', [name, ...parameters], `${name}/quantized`);
    this.emit('DequantizeLinear', [`${name}/quantized`, ...parameters], dequantized(name));
  }

  /**
   * Writes a weight as int8 with one scale for each index of `axis`. Returns the scales.
   * @param added the bias, stored in units of `scale` times these scales. The scales are increased if the bias would
   *   not fit in int32.
   */
  weight(
    name: string,
    axis: number,
    highest: number,
    added?: { readonly bias: string | undefined; readonly scale: number },
  ): Float32Array {
    const known = this.weights.get(name);
    if (known) return known;
    const tensor = this.constants.get(name)!;
    const values = float32Values(tensor);
    const count = tensor.dims[axis]!;
    const inner = tensor.dims.slice(axis + 1).reduce((a, b) => a * b, 1);
    const channel = (i: number) => Math.floor(i / inner) % count;
    const most = new Float64Array(count);
    values.forEach((value, i) => (most[channel(i)] = Math.max(most[channel(i)]!, Math.abs(value))));
    const bias = added?.bias === undefined ? undefined : float32Values(this.constants.get(added.bias)!);
    const scales = Float32Array.from(most, (largest, c) => {
      const least = bias ? Math.abs(bias[c]!) / (added!.scale * 2 ** 30) : 0;
      return Math.max(largest / highest, least) || 1;
    });
    const rounded = Int8Array.from(values, (value, i) => {
      const whole = Math.round(value / scales[channel(i)]!);
      return Math.max(-highest, Math.min(highest, whole));
    });
    const inputs = [
      this.store(`${name}/int8`, 'int8', tensor.dims, rounded),
      this.store(`${name}/scale`, 'float32', [count], scales),
      this.store(`${name}/zero_point`, 'int8', [count], new Int8Array(count)),
    ];
    this.emit('DequantizeLinear', inputs, dequantized(name), axis);
    this.weights.set(name, scales);
    return scales;
  }

  /** Writes a bias as int32 in units of `scale` times the weight's scale. Returns its name. */
  bias(node: string, name: string, weightScales: Float32Array, scale: number): string {
    const values = float32Values(this.constants.get(name)!);
    const scales = weightScales.map((own) => own * scale);
    const whole = Int32Array.from(values, (value, c) => Math.round(value / scales[c]!));
    const inputs = [
      this.store(`${node}/bias`, 'int32', [values.length], whole),
      this.store(`${node}/bias/scale`, 'float32', [values.length], scales),
    ];
    this.emit('DequantizeLinear', inputs, dequantized(`${node}/bias`), 0);
    return dequantized(`${node}/bias`);
  }

  private emit(opType: string, inputs: readonly string[], output: string, axis?: number): void {
    this.nodes.push(nodeFor(output, opType, inputs, axis === undefined ? {} : { axis: int(axis) }));
  }

  private store(name: string, dataType: DataType, dims: readonly number[], values: ArrayBufferView): string {
    this.initializers.push(tensorOf(name, dataType, dims, values));
    return name;
  }
}
