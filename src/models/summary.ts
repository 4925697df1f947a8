/**
 * Summarises a model: every layer with its output shape, parameters and inputs, like Keras's `summary`. The model
 * is only traced, not run.
 */
import type { Node, ReceptiveField, Shape, Tensor } from '../graph/index.js';
import { input, multiplyAdds, nodesBehind, receptiveField } from '../graph/index.js';
import type { LayerCall, Module } from '../nn/index.js';
import { Parameter, traceModel } from '../nn/index.js';
import type { Layer } from '../nn/index.js';
import type { SizeLevel } from './sizes.js';
import { sizesOf } from './sizes.js';
import { inMode } from './mode.js';

/** A shape whose first axis, the batch, is null. */
export type OpenShape = readonly (number | null)[];

export interface LayerSummary {
  /** Path in the model. Functions are named after the module that calls them: `down.0.relu`. */
  readonly name: string;
  readonly type: string;
  readonly output: OpenShape;
  /** Number of weights, without those that an earlier layer also uses. */
  readonly parameters: number;
  /** Names of the layers whose output it reads. */
  readonly inputs: readonly string[];
  /** Multiply-adds for one image. */
  readonly multiplyAdds: number;
  /** Present if `multiplyAdds` is incomplete, because the layer contains nodes of an ONNX file. */
  readonly uncounted?: true;
}

/** A module with its submodules. */
export interface ModuleSummary {
  /** Name of the field in the parent module; '' for the model. */
  readonly name: string;
  readonly type: string;
  readonly parameters: number;
  readonly children: readonly ModuleSummary[];
}

export interface ModelSummary {
  readonly model: string;
  /** N×C×H×W; N is null. */
  readonly input: OpenShape;
  readonly output: OpenShape;
  readonly parameters: { readonly total: number; readonly trainable: number; readonly frozen: number };
  readonly layers: readonly LayerSummary[];
  readonly modules: ModuleSummary;
  /** The sizes of its feature maps, the largest first. */
  readonly sizes: readonly SizeLevel[];
  /** Multiply-adds of convolutions and matrix products for one image, without the `uncounted` ones. */
  readonly multiplyAdds: number;
  /** Height and width of the image region that affects one output pixel; absent if unknown. */
  readonly receptiveField?: ReceptiveField;
  /** The model pads its input to multiples of this and crops its output back. */
  readonly divisor?: number;
}

export interface SummaryOptions {
  readonly height: number;
  readonly width: number;
  /** Default 3. */
  readonly channels?: number;
  /** Name of the model; default: its class. */
  readonly name?: string;
}

/**
 * Summarises a model for images of the given size.
 *
 * @throws ShapeError for sizes that the model does not accept.
 */
export function summarize(
  model: Layer & { readonly divisor?: number },
  options: SummaryOptions,
): ModelSummary {
  const { height, width, channels = 3, name = model.typeName } = options;
  const image = input('input', [1, channels, height, width]);
  // Training mode, so that dropout layers are listed.
  const { output, calls } = inMode(model, 'training', () => traceModel(model, image));
  const layers = layersOf(output, image, calls);
  const field = receptiveField(output, image);
  const weights = model.namedParameters().map(([, parameter]) => parameter);
  const count = (of: readonly Parameter[]) => of.reduce((sum, { size }) => sum + size, 0);
  const total = count(weights);
  const trainable = count(weights.filter((p) => p.requiresGrad));
  return {
    model: name,
    input: open(image.shape),
    output: open(output.shape),
    parameters: { total, trainable, frozen: total - trainable },
    layers,
    modules: modulesOf('', model),
    sizes: sizesOf(layers),
    multiplyAdds: layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0),
    ...(field !== undefined && { receptiveField: field }),
    ...(model.divisor !== undefined && { divisor: model.divisor }),
  };
}

const open = (shape: Shape): OpenShape => [null, ...shape.slice(1)];

/** Innermost layers have no submodules. The model itself never counts as innermost. */
const isInnermost = ({ path, module }: LayerCall) => path !== '' && [...module.namedChildren()].length === 0;

/** Maps each node to the call of the innermost layer that created it. */
function owners(calls: readonly LayerCall[]): ReadonlyMap<Node, LayerCall> {
  const owner = new Map<Node, LayerCall>();
  for (const call of calls.filter(isInnermost)) {
    const pending = [call.output];
    while (pending.length > 0) {
      const tensor = pending.pop()!;
      const { node } = tensor;
      if (call.inputs.includes(tensor) || owner.has(node) || node.scope !== call.path) continue;
      owner.set(node, call);
      pending.push(...node.inputs);
    }
  }
  return owner;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  relu: 'ReLU',
  relu6: 'ReLU6',
  leakyRelu: 'LeakyReLU',
};
const typeOf = (operator: string) => TYPE_NAMES[operator] ?? operator[0]!.toUpperCase() + operator.slice(1);

interface Row {
  readonly name: string;
  readonly type: string;
  readonly output: Tensor;
  readonly inputs: Set<Row>;
  parameters: number;
  multiplyAdds: number;
  uncounted: boolean;
}

function layersOf(output: Tensor, image: Tensor, calls: readonly LayerCall[]): LayerSummary[] {
  const owner = owners(calls);
  const rows: Row[] = [];
  const rowOfCall = new Map<LayerCall, Row>();
  const rowOfTensor = new Map<Tensor, Row>();
  const counted = new Set<Tensor>();
  const uses = new Map<string, number>();
  const uniqueName = (base: string) => {
    const before = uses.get(base) ?? 0;
    uses.set(base, before + 1);
    return before === 0 ? base : `${base}_${before}`;
  };
  const addRow = (base: string, type: string, result: Tensor): Row => {
    const row: Row = {
      name: uniqueName(base),
      type,
      output: result,
      parameters: 0,
      inputs: new Set(),
      multiplyAdds: 0,
      uncounted: false,
    };
    rows.push(row);
    return row;
  };
  rowOfTensor.set(image, addRow('input', 'Input', image));

  const derivedFrom = new Map<Tensor, readonly Parameter[]>();
  const fromImage = new Set<Tensor>([image]);
  for (const node of nodesBehind([output])) {
    const call = owner.get(node);
    const dependsOnImage = node.inputs.some((t) => fromImage.has(t));
    const weights = node.inputs.flatMap((t) => (t instanceof Parameter ? [t] : (derivedFrom.get(t) ?? [])));
    if (!dependsOnImage && !call) {
      // A node that depends only on weights and constants, such as the norm of a kernel, is not a layer.
      node.outputs.forEach((t) => derivedFrom.set(t, weights));
      continue;
    }
    if (dependsOnImage) node.outputs.forEach((t) => fromImage.add(t));
    let row = call && rowOfCall.get(call);
    if (!row) {
      const { name } = node.operator;
      row = call
        ? addRow(call.path, call.module.typeName, call.output)
        : addRow(node.scope === '' ? name : `${node.scope}.${name}`, typeOf(name), node.outputs[0]!);
      if (call) rowOfCall.set(call, row);
    }
    for (const tensor of node.outputs) rowOfTensor.set(tensor, row);
    for (const tensor of node.inputs) {
      const from = rowOfTensor.get(tensor);
      if (from && from !== row) row.inputs.add(from);
    }
    for (const weight of weights) {
      if (!counted.has(weight)) row.parameters += weight.size;
      counted.add(weight);
    }
    const products = multiplyAdds(node);
    if (products === undefined) row.uncounted = true;
    else row.multiplyAdds += products;
  }
  return rows.map(({ name, type, output, parameters, inputs, multiplyAdds, uncounted }) => ({
    name,
    type,
    output: open(output.shape),
    parameters,
    inputs: [...inputs].map((row) => row.name),
    multiplyAdds,
    ...(uncounted && { uncounted }),
  }));
}

function modulesOf(name: string, module: Module): ModuleSummary {
  const children = [...module.namedChildren()].map(([child, inner]) => modulesOf(child, inner));
  const weights = new Set<Parameter>();
  // `namedParameters` would rename the parameters, relative to this module.
  for (const [, inner] of module.namedModules()) {
    for (const value of Object.values(inner)) if (value instanceof Parameter) weights.add(value);
  }
  const parameters = [...weights].reduce((sum, { size }) => sum + size, 0);
  return { name, type: module.typeName, parameters, children };
}
