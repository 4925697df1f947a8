/**
 * An encoder from an ONNX file. Some of the file's tensors ("taps") serve as feature maps. The subgraph that
 * computes them is extracted and runs, frozen, as part of the graphs for training, prediction and export.
 *
 * The shapes of the taps are measured by running the file (see {@link OnnxEncoder.measure}), because the shapes
 * declared in a file are optional and often wrong.
 *
 * A vision transformer (Dosovitskiy et al. 2021; DINOv2, Oquab et al. 2023) has maps of a single size: a token for each
 * patch of 14 or 16 pixels. With one tap, a file that starts with such patches gives one map. Patches of 14 pixels count
 * as 16: the image is resized by 14/16 first, so that the map has 1/16 of its size and fits the decoder.
 */
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import type { ForeignGraph, Tensor } from '../graph/index.js';
import { foreign, formatShape, reshape, resize, sizeOf, slice, transpose } from '../graph/index.js';
import { Module } from '../nn/index.js';
import type { OnnxModel, OnnxNode } from '../onnx/index.js';
import { encodeModel, modelOf, nodeFor, OPSET } from '../onnx/index.js';
import type { Runtime } from '../runtime/index.js';
import { transferredView } from '../runtime/index.js';
import type { Encoder } from './encoder.js';

export interface OnnxEncoderOptions {
  /** Name of the graph input that takes the image; default: the file's only input. */
  readonly input?: string;
  /** Channels of the image; default 3. */
  readonly channels?: number;
  /** Name of the file in messages. */
  readonly source?: string;
  /** How a vision transformer cuts the image; absent for a convolutional network. */
  readonly patches?: PatchLayout;
}

/** The only map of a vision transformer. */
export interface PatchLayout {
  /** Height and width of a patch in pixels. */
  readonly size: number;
  /** Tokens before those of the patches (class, registers). -1: the tap is N×C×H×W, not N×tokens×C. */
  readonly prefix: number;
}

/** The halvings of the image that a patch counts as: 4 for patches of 14 and of 16 pixels. */
const halvingsOf = ({ size }: Pick<PatchLayout, 'size'>) => Math.round(Math.log2(size));

/** A tensor of the file that serves as a feature map. */
export interface EncoderTap {
  readonly name: string;
  readonly channels: number;
}

export interface MeasureOptions extends OnnxEncoderOptions {
  /**
   * Names of the tensors that serve as feature maps: one for each halving of the size, the largest first; of a vision
   * transformer, the last layer's tokens.
   */
  readonly taps: readonly string[];
  /** Height and width of the images; rounded up to multiples of 2ᵏ for k taps. */
  readonly size: { readonly height: number; readonly width: number };
}

/** The maximum number of taps. The fifth has 1/32 of the image's size. */
const MAX_TAPS = 5;

/**
 * Versions of ONNX's operator set in which all operators except RoiAlign have the same meaning as in
 * {@link OPSET}. Version 13 changed Softmax and turned attributes into inputs; the next such change is in 18.
 */
const OPSETS = { min: 13, max: OPSET } as const;

/** Versions that are also accepted if the file uses only operators in {@link UNCHANGED_SINCE}. */
const WIDER_OPSETS = { min: 7, max: 24 } as const;

/** Operators with the same meaning in {@link WIDER_OPSETS}, from the given version on (ONNX's changelog). */
const UNCHANGED_SINCE: Readonly<Record<string, number>> = {
  Abs: 7,
  Add: 7,
  AveragePool: 7,
  BatchNormalization: 7,
  Clip: 11,
  Concat: 7,
  Constant: 7,
  Conv: 7,
  Div: 7,
  Elu: 7,
  Erf: 9,
  Exp: 7,
  Flatten: 9,
  Gemm: 7,
  GlobalAveragePool: 7,
  GlobalMaxPool: 7,
  HardSigmoid: 7,
  HardSwish: 14,
  Identity: 7,
  InstanceNormalization: 7,
  LRN: 7,
  LeakyRelu: 7,
  MatMul: 7,
  Max: 8,
  MaxPool: 7,
  Min: 8,
  Mul: 7,
  Neg: 7,
  PRelu: 7,
  Pow: 7,
  Relu: 7,
  Selu: 7,
  Sigmoid: 7,
  Softplus: 7,
  Sqrt: 7,
  Sub: 7,
  Sum: 8,
  Tanh: 7,
  Transpose: 7,
};

export class OnnxEncoder extends Module implements Encoder {
  readonly widths: readonly number[];
  /** How a vision transformer cuts the image; undefined for a convolutional network. */
  readonly patches: PatchLayout | undefined;
  private readonly graph: ForeignGraph;

  /**
   * Creates an encoder whose taps have been measured before.
   *
   * @param taps the largest map first; map k, counted from 1, has 1/2ᵏ of the image's size.
   * @throws UsageError for a tap or an input that the file does not have; it lists those that exist.
   *   PixelwiseError `onnx` for unsupported operators.
   */
  constructor(model: OnnxModel, taps: readonly EncoderTap[], options: OnnxEncoderOptions = {}) {
    super();
    const { channels = 3 } = options;
    this.graph = extractSubgraph(
      model,
      taps.map(({ name }) => name),
      options,
    );
    this.patches = options.patches;
    const missing = this.patches ? halvingsOf(this.patches) - 1 : 0;
    this.widths = [channels, ...new Array<number>(missing).fill(0), ...taps.map((tap) => tap.channels)];
  }

  /**
   * Runs the file on a batch of two blank images to measure the shapes of its taps.
   *
   * @throws ShapeError for a tap k whose size is not 1/2ᵏ of the image's, or whose batch size is not the
   *   image's; also throws what the constructor throws.
   */
  static async measure(model: OnnxModel, options: MeasureOptions, runtime: Runtime): Promise<OnnxEncoder> {
    const { taps, size, channels = 3, source = FILE } = options;
    const graph = extractSubgraph(model, taps, options);
    const patch = taps.length === 1 ? patchSize(graph) : undefined;
    if (patch !== undefined) return OnnxEncoder.measurePatches(model, graph, patch, options, runtime);
    const scale = 2 ** taps.length;
    const [height, width] = [size.height, size.width].map((side) => Math.ceil(side / scale) * scale) as [
      number,
      number,
    ];
    const image = [BATCH, channels, height, width];
    const shapes = await shapesOf(graph, image, runtime, source);
    const measured = taps.map((name, i): EncoderTap => {
      const shape = shapes[i]!;
      const wanted = [height, width].map((side) => side / 2 ** (i + 1));
      const given = `${source}: tap "${name}" has the shape ${formatShape(shape)} for images of ${formatShape(image)}`;
      if (shape.length === 4 && shape[0] !== BATCH) {
        throw new ShapeError(
          `${given}: its graph has a fixed batch size; export it with a dynamic batch axis (dynamic_axes in torch.onnx.export)`,
        );
      }
      if (shape.length !== 4 || shape[2] !== wanted[0] || shape[3] !== wanted[1]) {
        const [h, w] = wanted;
        throw new ShapeError(
          `${given}; tap ${i + 1} of ${taps.length} must have the shape ${BATCH}×channels×${h}×${w}, 1/${2 ** (i + 1)} of the image's size: name one tensor for each halving, the largest first`,
        );
      }
      return { name, channels: shape[1]! };
    });
    return new OnnxEncoder(model, measured, options);
  }

  /** {@link measure} for a file that cuts the image into patches of `patch` pixels. */
  private static async measurePatches(
    model: OnnxModel,
    graph: ForeignGraph,
    patch: number,
    options: MeasureOptions,
    runtime: Runtime,
  ): Promise<OnnxEncoder> {
    const { size, channels = 3, source = FILE } = options;
    const scale = 2 ** halvingsOf({ size: patch });
    const [rows, columns] = [size.height, size.width].map((side) => Math.ceil(side / scale)) as [
      number,
      number,
    ];
    const image = [BATCH, channels, rows * patch, columns * patch];
    const [shape] = await shapesOf(graph, image, runtime, source);
    const name = graph.outputs[0]!;
    const prefix = shape!.length === 3 ? shape![1]! - rows * columns : -1;
    const isMap = shape!.length === 4 && shape![2] === rows && shape![3] === columns;
    if (shape![0] !== BATCH || (shape!.length === 3 ? prefix < 0 : !isMap)) {
      throw new ShapeError(
        `${source}: tap "${name}" has the shape ${formatShape(shape!)} for images of ${formatShape(image)}, cut into ${rows}×${columns} patches; it must be ${BATCH}×tokens×channels with at least ${rows * columns} tokens, or ${BATCH}×channels×${rows}×${columns}`,
      );
    }
    const tap = { name, channels: shape!.length === 3 ? shape![2]! : shape![1]! };
    return new OnnxEncoder(model, [tap], { ...options, patches: { size: patch, prefix } });
  }

  /** The taps with their channels, as the constructor takes them. */
  get taps(): readonly EncoderTap[] {
    const widths = this.widths.slice(1).filter((width) => width > 0);
    return this.graph.outputs.map((name, i) => ({ name, channels: widths[i]! }));
  }

  /** Name of the graph input that takes the image. */
  get input(): string {
    return this.graph.inputs[0]!;
  }

  maps(image: Tensor): (Tensor | undefined)[] {
    const [n, channels, h, w] = image.shape as [number, number, number, number];
    if (channels !== this.widths[0]) {
      throw new ShapeError(
        `the encoder takes images with ${this.widths[0]} channels; got ${formatShape(image.shape)}`,
      );
    }
    if (this.patches) {
      const none = new Array<undefined>(halvingsOf(this.patches) - 1).fill(undefined);
      return [image, ...none, this.patchMap(image, this.patches)];
    }
    const types = this.widths.slice(1).map((width, i) => {
      const scale = 2 ** (i + 1);
      return { shape: [n, width, h / scale, w / scale], dtype: 'float32' as const };
    });
    return [image, ...foreign(this.graph, [image], types)];
  }

  /** The map of a vision transformer: the tokens of the patches, in their places. */
  private patchMap(image: Tensor, patches: PatchLayout): Tensor {
    const [n, , h, w] = image.shape as [number, number, number, number];
    const scale = 2 ** halvingsOf(patches);
    const [rows, columns, width] = [h / scale, w / scale, this.widths.at(-1)!];
    const resized = resize(image, [rows * patches.size, columns * patches.size], { mode: 'bilinear' });
    const { prefix } = patches;
    const isMap = prefix < 0;
    const shape = isMap ? [n, width, rows, columns] : [n, prefix + rows * columns, width];
    const [tap] = foreign(this.graph, [resized], [{ shape, dtype: 'float32' }]);
    if (isMap) return tap!;
    const tokens = prefix === 0 ? tap! : slice(tap!, 1, prefix);
    return transpose(reshape(tokens, [n, rows, columns, width]), [0, 3, 1, 2]);
  }
}

/** Images in the measured batch. With 2, a batch axis that is fixed at 1 is detected. */
const BATCH = 2;

const FILE = 'the ONNX file';

/** Extracts the subgraph between the image and the taps. */
function extractSubgraph(
  model: OnnxModel,
  taps: readonly string[],
  options: OnnxEncoderOptions,
): ForeignGraph {
  const { source = FILE } = options;
  const { graph } = model;
  if (taps.length < 1 || taps.length > MAX_TAPS || new Set(taps).size < taps.length) {
    throw new UsageError(
      `An encoder needs 1 to ${MAX_TAPS} different taps; got ${taps.length}: ${taps.join(', ') || 'none'}.`,
    );
  }
  const image = imageInput(model, options);
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  makers.delete('');
  const constants = new Set(graph.initializers.map(({ name }) => name));
  const missing = taps.find((tap) => !makers.has(tap));
  if (missing !== undefined) {
    const computed = [...makers].flatMap(([name, { opType }]) => (opType === 'Constant' ? [] : [name]));
    throw noSuchTensor(missing, computed, source);
  }

  const wanted = new Set<string>();
  const open = [...taps];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (wanted.has(name) || name === '' || name === image) continue;
    wanted.add(name);
    const maker = makers.get(name);
    if (maker) open.push(...maker.inputs);
    else if (!constants.has(name)) {
      throw new UsageError(
        `${source}: the taps must depend on the image "${image}" only; they also depend on "${name}".`,
      );
    }
  }
  const nodes = graph.nodes.filter((node) => node.outputs.some((name) => wanted.has(name)));
  for (const node of nodes) checkNode(node, model.opsets[''] ?? 0, source);
  return {
    nodes,
    initializers: graph.initializers.filter(({ name }) => wanted.has(name)),
    inputs: [image],
    outputs: taps,
  };
}

/**
 * The size of the patches into which a vision transformer cuts the image: its first layer is a convolution with a
 * stride as large as its kernel. Undefined for other networks.
 */
function patchSize({ nodes, inputs }: ForeignGraph): number | undefined {
  const first = nodes.find(({ inputs: [x] }) => x === inputs[0]);
  const [kernel, stride] = ['kernel_shape', 'strides'].map((name) => first?.attributes[name]?.value);
  if (first?.opType !== 'Conv' || !Array.isArray(kernel) || !Array.isArray(stride)) return undefined;
  const sides = new Set([...kernel, ...stride].map(Number));
  const [side] = sides;
  return sides.size === 1 && side! >= LEAST_PATCH ? side : undefined;
}

/** Smaller strides are stems of convolutional networks, such as ConvNeXt's 4. */
const LEAST_PATCH = 8;

/** The name of the input that takes the image. */
function imageInput({ graph }: OnnxModel, options: OnnxEncoderOptions): string {
  const { input, channels = 3, source = FILE } = options;
  // Up to IR version 3, files list their initializers among the inputs.
  const constants = new Set(graph.initializers.map(({ name }) => name));
  const inputs = graph.inputs.filter(({ name }) => !constants.has(name));
  const names = inputs.map(({ name }) => `"${name}"`).join(', ') || 'none';
  const found = inputs.find(({ name }) => name === input) ?? (inputs.length === 1 ? inputs[0] : undefined);
  if (!found || (input !== undefined && found.name !== input)) {
    const wrong = input === undefined ? 'say which input takes the image' : `there is no input "${input}"`;
    throw new UsageError(`${source}: ${wrong}; its inputs are ${names}.`);
  }
  const { dataType, dims } = found;
  const axis = dims?.[1];
  const fits = dims === undefined || (dims.length === 4 && (typeof axis === 'string' || axis === channels));
  if (!fits || (dataType !== undefined && dataType !== 'float32')) {
    const given = `${dataType ?? ''} ${dims?.map((n) => (n === '' ? '?' : n)).join('×') ?? ''}`.trim();
    throw new ShapeError(
      `${source}: the input "${found.name}" takes ${given}; images are float32 batch×${channels}×height×width.`,
    );
  }
  return found.name;
}

/** @throws PixelwiseError if a node cannot be copied into a graph of {@link OPSET}. */
function checkNode(node: OnnxNode, opset: number, source: string): void {
  const { opType, domain, attributes, outputs } = node;
  const refuse = (why: string): never => {
    throw new PixelwiseError('onnx', `${source}: ${opType} ("${node.name || outputs[0]}") ${why}`);
  };
  if (domain !== '') {
    refuse(
      `belongs to the operator set "${domain}"; only ONNX's standard operators are supported, so that exports run anywhere.`,
    );
  }
  if (Object.values(attributes).some(({ type }) => type === 'graph')) {
    refuse('contains a subgraph; simplify the file first (onnxsim), or choose taps before that node.');
  }
  const training = attributes.training_mode?.value === 1;
  if (opType === 'BatchNormalization' && (training || outputs.filter((name) => name !== '').length > 1)) {
    refuse('is in training mode; export the encoder in evaluation mode (model.eval()).');
  }
  const within = (range: { readonly min: number; readonly max: number }) =>
    opset >= range.min && opset <= range.max;
  const everywhere =
    within(WIDER_OPSETS) && Object.hasOwn(UNCHANGED_SINCE, opType) && UNCHANGED_SINCE[opType]! <= opset;
  if (everywhere || (within(OPSETS) && !(opType === 'RoiAlign' && opset < 16))) return;
  refuse(
    `of opset ${opset} may differ from opset ${OPSET}; supported are files of opset ${OPSETS.min} to ${OPSETS.max}, ` +
      `and of ${WIDER_OPSETS.min} to ${WIDER_OPSETS.max} if their operators have not changed: convert the file (onnx.version_converter) or export it again with opset ${OPSET}.`,
  );
}

/** Suggests the tensors whose names share the most letter pairs with the given name (Dice 1945). */
function noSuchTensor(tap: string, names: readonly string[], source: string): UsageError {
  const pairs = (name: string) => new Set(Array.from(name.slice(1), (_, i) => name.slice(i, i + 2)));
  const given = pairs(tap);
  const alike = (name: string) => {
    const own = pairs(name);
    return (2 * [...own].filter((pair) => given.has(pair)).length) / (own.size + given.size);
  };
  const near = [...names].sort((a, b) => alike(b) - alike(a)).slice(0, 8);
  return new UsageError(
    `${source}: there is no tensor "${tap}"; its ${names.length} tensors include ${near.map((name) => `"${name}"`).join(', ')}.`,
  );
}

/** Measures the shapes of the taps by running the graph on blank images. */
async function shapesOf(
  graph: ForeignGraph,
  image: readonly number[],
  runtime: Runtime,
  source: string,
): Promise<number[][]> {
  const names = graph.outputs.map((_, i) => `shape of tap ${i}`);
  const model = modelOf({
    name: 'taps',
    nodes: [...graph.nodes, ...graph.outputs.map((tap, i) => nodeFor(names[i]!, 'Shape', [tap]))],
    initializers: graph.initializers,
    inputs: [{ name: graph.inputs[0]!, dataType: 'float32', dims: image }],
    // The taps are outputs too, so that loading fails if they are not float32.
    outputs: [
      ...names.map((name) => ({ name, dataType: 'int64' as const, dims: undefined })),
      ...graph.outputs.map((name) => ({ name, dataType: 'float32' as const, dims: undefined })),
    ],
  });
  const feed = { name: graph.inputs[0]!, dtype: 'float32' as const, shape: image };
  try {
    const session = await runtime.load(encodeModel(model));
    try {
      const blank = transferredView(new Float32Array(sizeOf(image)));
      const results = await session.run([{ ...feed, view: blank }], [], names);
      return names.map((name) => Array.from(results[name]!, Number));
    } finally {
      await session.release();
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PixelwiseError(
      'onnx',
      `${source} does not run on images of ${formatShape(image)}, a batch of ${BATCH} (${why}): it must take any batch size, and the image size used for training.`,
      { cause },
    );
  }
}
