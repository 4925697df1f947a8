/**
 * Exports a model as one ONNX file that takes an image of any size and returns its mask at that size. Resizing,
 * normalisation, the model with its weights, probabilities, resizing back and the choice of a class are all inside.
 * `predict` runs the same graph, so a file and the program that wrote it give the same results. Files have opset 17,
 * IR version 8 and standard operators only, so that any runtime of recent years opens them.
 *
 *   image (uint8 1×H×W×C) → resize → normalise → input → model → logits → sigmoid or softmax → scores
 *     → resize → probabilities (1×K×H×W) → threshold or argmax → mask (uint8 1×H×W)
 *
 * `input`, `logits` and `scores` (probabilities at the model's size) are values inside the file that {@link withOutputs}
 * can make outputs.
 *
 * Weights are initializers, so that ONNX Runtime folds batch norms into convolutions and converts the weights to the
 * layout of its fastest kernels.
 */
import { RANGE_MARGIN, rangeOf, type ValueRange } from '../data/normalization.js';
import { ShapeError, UsageError } from '../errors/index.js';
import type { Target } from '../graph/index.js';
import { formatShape, PORTABLE, WEBGPU } from '../graph/index.js';
import { LOGITS, MODEL_INPUT, predictionGraph } from '../models/prediction-graph.js';
import type { Layer, NamedArray } from '../nn/index.js';
import { ModelState } from '../nn/index.js';
import type { OnnxGraph, OnnxModel, ValueInfo } from '../onnx/index.js';
import { GraphBuilder, int, modelOf, tensorOf, valuesBehind } from '../onnx/index.js';
import type { Device } from '../runtime/index.js';
import type { ActivationRange } from './calibration.js';
import { foldBatchNorms } from './fold-batch-norms.js';
import { inHalfPrecision } from './half-precision.js';
import type { ModelCard } from './model-card.js';
import { CARD_KEY, checkCard, DEFAULT_THRESHOLD, formatCard } from './model-card.js';
import { quantizedTensors, quantizeGraph } from './quantize.js';
import type { GraphPlaneSize } from './resize-graph.js';
import { resizePixelsTo, resizePlanesTo } from './resize-graph.js';

/** Names in an exported file. */
export const IMAGE = 'image';
export const MASK = 'mask';
export const PROBABILITIES = 'probabilities';
/** Probabilities at the model's size; of class 1 alone where there are two classes. */
export const SCORES = 'scores';
/** An initializer of rank 0, where there are two classes. */
export const THRESHOLD = 'threshold';

export type Precision = 'float32' | 'float16' | 'int8';

export interface ExportOptions {
  /**
   * `free` (default): the file takes images of any size. Else the one size that it takes, which is a little faster. Not
   * with `bare`: such a file takes the model's own size.
   */
  readonly size?: 'free' | { readonly height: number; readonly width: number };
  /** Only the model: `input` float32 1×C×h×w, normalised, to `logits`. Default false. */
  readonly bare?: boolean;
  /** The precision of weights and arithmetic; default `float32`. See `inHalfPrecision`, `quantizeGraph`. */
  readonly precision?: Precision;
  /** With `int8`: the ranges of values inside the model, as `calibrate` returns them. */
  readonly ranges?: ReadonlyMap<string, ActivationRange>;
  /** With `bare` only: how many images the file takes at once. Default 1. */
  readonly batch?: number;
  /** The target that the graph is lowered for; default: standard operators only, for files that run anywhere. */
  readonly target?: Target;
}

/** What a graph is lowered for that only ever runs on that device; files are for any. */
export const predictionTarget = (device: Device = 'cpu'): Target => (device === 'webgpu' ? WEBGPU : PORTABLE);

/**
 * Writes a model with its weights as ONNX.
 *
 * @param values of every weight and buffer of the model.
 * @throws PixelwiseError `weights` where the values do not fit the model; ShapeError where the model does not
 *   fit the card; UsageError where the card or the options are off.
 */
export function exportGraph(
  model: Layer,
  values: ModelState | readonly NamedArray[],
  card: ModelCard,
  options: ExportOptions = {},
): OnnxModel {
  return exportedModel(coreGraph(model, values, card, options), card, options);
}

/** The graph of a model in use, for images of the card's size; see `predictionGraph`. */
export function coreGraph(
  model: Layer,
  values: ModelState | readonly NamedArray[],
  card: ModelCard,
  { batch = 1, bare = false, target }: Pick<ExportOptions, 'batch' | 'bare' | 'target'> = {},
): OnnxGraph {
  checkCard(card);
  if (!Number.isInteger(batch) || batch < 1 || (batch > 1 && !bare)) {
    throw new UsageError(
      `A batch of ${batch} images; a bare model takes a whole number from 1, any other 1.`,
    );
  }
  const { channels, height, width } = card;
  return predictionGraph(model, stateOf(model, values), { batch, channels, height, width }, target);
}

/**
 * The file of a model whose graph is `core`, from normalised images to logits, for images of the card's size.
 * Throws as {@link exportGraph} does. `batch` and `target` of the options are those that the graph was made with.
 */
export function exportedModel(core: OnnxGraph, card: ModelCard, options: ExportOptions = {}): OnnxModel {
  checkCard(card);
  checkLogits(core, card);
  const { bare = false, precision = 'float32', ranges } = options;
  if (bare && options.size !== undefined && options.size !== 'free') {
    throw new UsageError(
      `A bare model takes images of the size that it was trained at, ${card.height}×${card.width}: leave the size out.`,
    );
  }
  const graph = inPrecision(core, precision, ranges);
  return asModel(bare ? graph : aroundModel(graph, card, options.size ?? 'free'), card);
}

const asModel = (graph: OnnxGraph, card: ModelCard): OnnxModel =>
  modelOf({ ...graph, name: card.model.name }, { metadata: { [CARD_KEY]: formatCard(card) } });

/** What `calibrate` runs, and the names of the tensors whose ranges an export in int8 takes. */
export function calibrationGraph(
  core: OnnxGraph,
  card: ModelCard,
): { readonly model: OnnxModel; readonly tensors: readonly string[] } {
  checkLogits(core, card);
  const folded = foldBatchNorms(core);
  return { model: asModel(aroundModel(folded, card, 'free'), card), tensors: quantizedTensors(folded) };
}

function inPrecision(
  core: OnnxGraph,
  precision: Precision,
  ranges: ReadonlyMap<string, ActivationRange> | undefined,
): OnnxGraph {
  if (precision === 'float32') return core;
  const folded = foldBatchNorms(core);
  if (precision === 'float16') return inHalfPrecision(folded);
  const missing = quantizedTensors(folded).find((name) => !ranges?.has(name));
  if (missing !== undefined) {
    throw new UsageError(`No range of ${missing} to export it in int8: see what calibrate() gives.`);
  }
  return quantizeGraph(folded, ranges!);
}

function stateOf(model: Layer, values: ModelState | readonly NamedArray[]): ModelState {
  if (values instanceof ModelState) return values;
  const state = new ModelState(model);
  state.loadStateDict(values);
  return state;
}

/** Channels, height and width of the logits. */
interface LogitsShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

function logitsOf({ outputs }: OnnxGraph): LogitsShape {
  const [, channels, height, width] = outputs[0]!.dims as readonly [number, number, number, number];
  return { channels, height, width };
}

/** Throws a ShapeError unless there is a plane of logits for each class, or one for two classes. */
function checkLogits({ outputs }: OnnxGraph, card: ModelCard): void {
  const dims = outputs[0]!.dims as readonly number[];
  const count = card.classes.length;
  if (dims.length === 4 && (dims[1] === count || (dims[1] === 1 && count === 2))) return;
  throw new ShapeError(
    `The model gives ${formatShape(dims)} for ${count} classes; it must give 1×${count}×height×width` +
      (count === 2 ? ', or 1×1×height×width with the logit of class 1.' : '.'),
  );
}

/** The type of the file's input by the largest pixel value. */
const IMAGE_TYPES = { 255: 'uint8', 65535: 'uint16', 1: 'float32' } as const;

/** The model between an image and its mask. */
function aroundModel(
  graph: OnnxGraph,
  card: ModelCard,
  size: 'free' | { readonly height: number; readonly width: number },
): OnnxGraph {
  const before = new GraphBuilder('before');
  const source = sourceSize(before, size);
  writeInput(before, card, source);
  const after = new GraphBuilder('after');
  const classes = card.classes.length;
  const logits = logitsOf(graph);
  if (classes === 2) writeTwoClasses(after, card, logits, source);
  else writeClasses(after, logits, source);

  const [height, width] = size === 'free' ? ['height', 'width'] : [size.height, size.width];
  const imageType = IMAGE_TYPES[card.maxValue];
  const inputs: ValueInfo[] = [{ name: IMAGE, dataType: imageType, dims: [1, height, width, card.channels] }];
  const outputs: ValueInfo[] = [
    { name: MASK, dataType: 'uint8', dims: [1, height, width] },
    { name: PROBABILITIES, dataType: 'float32', dims: [1, classes, height, width] },
  ];
  return {
    name: graph.name,
    nodes: [...before.nodes, ...graph.nodes, ...after.nodes],
    initializers: [...before.initializers, ...graph.initializers, ...after.initializers],
    inputs,
    outputs,
  };
}

/** Height and width of the image: known, or read from its shape. */
function sourceSize(
  writer: GraphBuilder,
  size: 'free' | { readonly height: number; readonly width: number },
): GraphPlaneSize {
  if (size !== 'free') {
    for (const side of [size.height, size.width]) {
      if (!Number.isInteger(side) || side < 1) {
        throw new UsageError(
          `An image size of ${size.height}×${size.width}; sizes are whole numbers from 1.`,
        );
      }
    }
    return size;
  }
  const shape = writer.castTo(writer.emit('Shape', [IMAGE]), 'int32');
  const side = (axis: number) =>
    writer.emit('Gather', [shape, writer.constant(BigInt64Array.of(BigInt(axis)), [], 'int64')], {
      axis: int(0),
    });
  return { height: side(1), width: side(2) };
}

/** From `image` to `input`. */
function writeInput(writer: GraphBuilder, card: ModelCard, source: GraphPlaneSize): void {
  const { channels, maxValue, normalization } = card;
  const range = rangeOf(normalization);
  const pixels = inRange(writer, writer.castTo(IMAGE, 'float32'), range);
  const resized = resizePixelsTo(writer, pixels, channels, source, card);
  if (normalization.kind === 'per-image') {
    // The largest value divides out of (x − min) / (max − min).
    const least = writer.emit('ReduceMin', [resized], { keepdims: int(1) });
    const most = writer.emit('ReduceMax', [resized], { keepdims: int(1) });
    const spread = writer.emit('Sub', [most, least]);
    // An image of one value has no range; it becomes 0.
    const flat = writer.emit('Equal', [spread, writer.scalar(0)]);
    const divisor = writer.emit('Where', [flat, writer.scalar(1), spread]);
    writer.emit('Div', [writer.emit('Sub', [resized, least]), divisor], {}, { output: MODEL_INPUT });
    return;
  }
  const { mean, std } = normalization;
  const perChannel = (values: readonly number[]) =>
    writer.constant(Float32Array.from(values), [1, channels, 1, 1], 'float32');
  // Where there is no range, it is from 0 to the largest value.
  const low = mean.map((_, c) => range?.low[c] ?? 0);
  const width = low.map((from, c) => (range?.high[c] ?? maxValue) - from);
  const scaled = writer.emit('Mul', [resized, perChannel(std.map((s, c) => 1 / (s * width[c]!)))]);
  const shift = mean.map((m, c) => (m + low[c]! / width[c]!) / std[c]!);
  writer.emit('Sub', [scaled, perChannel(shift)], {}, { output: MODEL_INPUT });
}

/** Cuts pixels (1×H×W×C) off where they are far outside the range, as `stretchedImage` does in training. */
function inRange(writer: GraphBuilder, pixels: string, range: ValueRange | undefined): string {
  if (range === undefined) return pixels;
  const { low, high } = range;
  const perChannel = (values: readonly number[]) =>
    writer.constant(Float32Array.from(values), [1, 1, 1, values.length], 'float32');
  const margin = low.map((from, c) => RANGE_MARGIN * (high[c]! - from));
  const raised = writer.emit('Max', [pixels, perChannel(low.map((from, c) => from - margin[c]!))]);
  return writer.emit('Min', [raised, perChannel(high.map((to, c) => to + margin[c]!))]);
}

/** From `logits` to mask and probabilities of two classes: one plane, the probability of class 1. */
function writeTwoClasses(
  writer: GraphBuilder,
  card: ModelCard,
  logits: LogitsShape,
  source: GraphPlaneSize,
): void {
  if (logits.channels === 1) {
    writer.emit('Sigmoid', [LOGITS], {}, { output: SCORES });
  } else {
    const both = writer.emit('Softmax', [LOGITS], { axis: int(1) });
    const [one, two] = [writer.int64s([1]), writer.int64s([2])];
    writer.emit('Slice', [both, one, two, one], {}, { output: SCORES });
  }
  const foreground = resizePlanesTo(writer, SCORES, logits, source);
  const threshold = writer.define(
    tensorOf(THRESHOLD, 'float32', [], Float32Array.of(card.threshold ?? DEFAULT_THRESHOLD)),
  );
  const chosen = writer.emit('GreaterOrEqual', [foreground, threshold]);
  writer.emit('Squeeze', [writer.castTo(chosen, 'uint8'), writer.int64s([1])], {}, { output: MASK });
  const background = writer.emit('Sub', [writer.scalar(1), foreground]);
  writer.emit('Concat', [background, foreground], { axis: int(1) }, { output: PROBABILITIES });
}

/** From `logits` to mask and probabilities of three classes or more. */
function writeClasses(writer: GraphBuilder, logits: LogitsShape, source: GraphPlaneSize): void {
  writer.emit('Softmax', [LOGITS], { axis: int(1) }, { output: SCORES });
  resizePlanesTo(writer, SCORES, logits, source, PROBABILITIES);
  const best = writer.emit('ArgMax', [PROBABILITIES], { axis: int(1), keepdims: int(0) });
  writer.castTo(best, 'uint8', MASK);
}

/**
 * The same computation with other outputs: any values of the graph by name. What they do not need is left out.
 * Types and shapes of values that are not outputs of `model` must be given.
 */
export function withOutputs(model: OnnxModel, outputs: readonly ValueInfo[]): OnnxModel {
  const { graph } = model;
  const wanted = valuesBehind(
    graph.nodes,
    outputs.map(({ name }) => name),
  );
  return {
    ...model,
    graph: {
      ...graph,
      nodes: graph.nodes.filter((node) => node.outputs.some((name) => wanted.has(name))),
      initializers: graph.initializers.filter(({ name }) => wanted.has(name)),
      inputs: graph.inputs.filter(({ name }) => wanted.has(name)),
      outputs,
    },
  };
}
