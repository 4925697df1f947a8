/**
 * Exports a model as an ONNX file that takes an image of any size and returns its mask at that size. The file includes
 * resizing, normalisation, the model with its weights, probabilities, resizing back and the choice of a class.
 * `predict` runs the same graph, so an exported file gives the same results. Files use opset 17, IR version 8 and only
 * standard operators, so that all recent runtimes can load them.
 *
 *   image (uint8 1×H×W×C) → resize → normalise → input → model → logits → sigmoid or softmax → scores
 *     → resize → probabilities (1×K×H×W) → threshold or argmax → mask (uint8 1×H×W)
 *
 * `input`, `logits` and `scores` (probabilities at the model's size) are internal values that {@link withOutputs} can
 * turn into outputs.
 *
 * Weights are initializers, so that ONNX Runtime can fold batch norms into convolutions and convert the weights to the
 * layout of its fastest kernels.
 */
import { RANGE_MARGIN, rangeOf, type ValueRange } from '../data/normalization.js';
import { ShapeError, UsageError } from '../errors/index.js';
import type { Target } from '../graph/index.js';
import { formatShape, PORTABLE, WEBGPU } from '../graph/index.js';
import { LOGITS, MODEL_INPUT, predictionGraph } from '../models/prediction-graph.js';
import { isBinary, setOf } from '../labels/label-set.js';
import type { Layer, NamedArray } from '../nn/index.js';
import { ModelState } from '../nn/index.js';
import { classOfOutputs, energyOfOutputs } from '../objects/index.js';
import type { OnnxGraph, OnnxModel, ValueInfo } from '../onnx/index.js';
import { GraphBuilder, int, modelOf, tensorOf, valuesBehind } from '../onnx/index.js';
import type { Device } from '../runtime/index.js';
import type { ActivationRange } from './calibration.js';
import { foldBatchNorms } from './fold-batch-norms.js';
import { inHalfPrecision } from './half-precision.js';
import type { ModelCard } from './model-card.js';
import { CARD_KEY, checkCard, DEFAULT_THRESHOLD, formatCard, outputsOf } from './model-card.js';
import { quantizedTensors, quantizeGraph } from './quantize.js';
import type { GraphPlaneSize } from './resize-graph.js';
import { resizePixelsTo, resizePlanesTo } from './resize-graph.js';
import { writeSoftmax } from './write-softmax.js';

/** Names in an exported file. */
export const IMAGE = 'image';
export const MASK = 'mask';
export const PROBABILITIES = 'probabilities';
/** Probabilities at the model's size; for two classes only those of class 1. */
export const SCORES = 'scores';
/** For objects: how far inside its object a pixel is, 0 … 1; what the watershed works on. */
export const SEPARATION = 'separation';
/** The threshold for two classes, an initializer of rank 0. */
export const THRESHOLD = 'threshold';

export type Precision = 'float32' | 'float16' | 'int8';

export interface ExportOptions {
  /**
   * The accepted image size: `free` (default) for any size, or a fixed size, which is slightly faster. Not with `bare`
   * or a model of patches: such a file takes the model's input size.
   */
  readonly size?: 'free' | { readonly height: number; readonly width: number };
  /** Whether to export only the model, from normalised `input` (float32 N×C×h×w) to `logits`. Default false. */
  readonly bare?: boolean;
  /** The precision of weights and arithmetic; default `float32`. See `inHalfPrecision`, `quantizeGraph`. */
  readonly precision?: Precision;
  /** With `int8`: the ranges of the tensors inside the model, as returned by `calibrate`. */
  readonly ranges?: ReadonlyMap<string, ActivationRange>;
  /** With `bare` only: the batch size of the file. Default 1. */
  readonly batch?: number;
  /** The target for which the graph is lowered; default: standard operators only, for files that run anywhere. */
  readonly target?: Target;
}

/** The target for a graph that runs only on the given device. Exported files must run on any device. */
export const predictionTarget = (device: Device = 'cpu'): Target => (device === 'webgpu' ? WEBGPU : PORTABLE);

/**
 * Exports a model with its weights as ONNX.
 *
 * @param values the value of every weight and buffer of the model.
 * @throws PixelwiseError `weights` if the values do not fit the model; ShapeError if the model does not fit the card;
 *   UsageError if the card or the options are invalid.
 */
export function exportGraph(
  model: Layer,
  values: ModelState | readonly NamedArray[],
  card: ModelCard,
  options: ExportOptions = {},
): OnnxModel {
  return exportedModel(coreGraph(model, values, card, options), card, options);
}

/** The inference graph of a model for images of the card's size; see `predictionGraph`. */
export function coreGraph(
  model: Layer,
  values: ModelState | readonly NamedArray[],
  card: ModelCard,
  { batch = 1, bare = false, target }: Pick<ExportOptions, 'batch' | 'bare' | 'target'> = {},
): OnnxGraph {
  checkCard(card);
  if (!Number.isInteger(batch) || batch < 1 || (batch > 1 && !bare)) {
    throw new UsageError(
      `batch must be ${bare ? 'a whole number, 1 or more' : '1, except with bare'}; got ${batch}.`,
    );
  }
  const { channels, height, width } = card;
  return predictionGraph(model, stateOf(model, values), { batch, channels, height, width }, target);
}

/**
 * Exports a model whose graph is `core`: from normalised images of the card's size to logits. Throws what
 * {@link exportGraph} throws. `options.batch` and `options.target` must be those with which `core` was created.
 */
export function exportedModel(core: OnnxGraph, card: ModelCard, options: ExportOptions = {}): OnnxModel {
  checkCard(card);
  checkLogits(core, card);
  const { bare = false, precision = 'float32', ranges } = options;
  if (bare && options.size !== undefined && options.size !== 'free') {
    throw new UsageError(
      `A bare model takes images of the size used in training, ${card.height}×${card.width}; omit the size.`,
    );
  }
  const graph = inPrecision(core, precision, ranges);
  return asModel(bare ? graph : aroundModel(graph, card, acceptedSize(card, options.size)), card);
}

/** The image size that a file accepts: a model of patches takes tiles of its input size, which are not resized. */
function acceptedSize(
  { patch, height, width }: ModelCard,
  size: ExportOptions['size'],
): NonNullable<ExportOptions['size']> {
  if (!patch) return size ?? 'free';
  if (size === undefined || (size !== 'free' && size.height === height && size.width === width)) {
    return { height, width };
  }
  throw new UsageError(
    `This model was trained on patches: its file takes tiles of ${height}×${width} pixels at the scale of the images, and Segmenter cuts images of any size into such tiles. Leave the size out.`,
  );
}

const asModel = (graph: OnnxGraph, card: ModelCard): OnnxModel =>
  modelOf({ ...graph, name: card.model.name }, { metadata: { [CARD_KEY]: formatCard(card) } });

/** The model for `calibrate`, and the names of the tensors whose ranges an int8 export needs. */
export function calibrationGraph(
  core: OnnxGraph,
  card: ModelCard,
): { readonly model: OnnxModel; readonly tensors: readonly string[] } {
  checkLogits(core, card);
  const folded = foldBatchNorms(core);
  return {
    model: asModel(aroundModel(folded, card, acceptedSize(card, undefined)), card),
    tensors: quantizedTensors(folded),
  };
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
    throw new UsageError(`An int8 export needs a range for ${missing}; calibrate() returns all ranges.`);
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

/** Throws a ShapeError unless there is one plane of logits per class, or a single one for two classes. */
function checkLogits({ outputs }: OnnxGraph, card: ModelCard): void {
  const dims = outputs[0]!.dims as readonly number[];
  const count = outputsOf(card);
  const binary = isBinary(card) && !card.objects;
  if (dims.length === 4 && (dims[1] === count || (dims[1] === 1 && binary))) return;
  throw new ShapeError(
    `The output of the model has the shape ${formatShape(dims)}; for ${count} classes it must be 1×${count}×height×width` +
      (binary ? ', or 1×1×height×width with the logit of class 1.' : '.'),
  );
}

/** Whether two classes are told apart by a single logit in an exported graph. */
export function hasSingleLogit({ nodes }: OnnxGraph): boolean {
  return nodes.some(({ opType, inputs }) => opType === 'Sigmoid' && inputs[0] === LOGITS);
}

/** The type of the file's input for each largest pixel value. */
const IMAGE_TYPES = { 255: 'uint8', 65535: 'uint16', 1: 'float32' } as const;

/** Adds pre- and postprocessing: from an image to its mask. */
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
  if (card.multiLabel) after.emit('Sigmoid', [LOGITS], {}, { output: SCORES });
  else if (card.objects) writeLevels(after, card, logits);
  else if (classes > 2) writeSoftmax(after, LOGITS, SCORES);
  else writeForeground(after, logits);
  const planes = resizePlanesTo(after, SCORES, scoresOf(card), logits, source);
  const strips = card.objects ? withoutSeparation(after, card, planes) : planes;
  if (card.multiLabel) writeOverlappingClasses(after, card, strips);
  else if (classes === 2) writeTwoClasses(after, card, strips);
  else writeClasses(after, strips);

  const [height, width] = size === 'free' ? ['height', 'width'] : [size.height, size.width];
  const imageType = IMAGE_TYPES[card.maxValue];
  const inputs: ValueInfo[] = [{ name: IMAGE, dataType: imageType, dims: [1, height, width, card.channels] }];
  const outputs: ValueInfo[] = [
    { name: MASK, dataType: 'uint8', dims: [1, height, width] },
    { name: PROBABILITIES, dataType: 'float32', dims: [1, classes, height, width] },
    ...(card.objects ? [{ name: SEPARATION, dataType: 'float32' as const, dims: [1, height, width] }] : []),
  ];
  return {
    name: graph.name,
    nodes: [...before.nodes, ...graph.nodes, ...after.nodes],
    initializers: [...before.initializers, ...graph.initializers, ...after.initializers],
    inputs,
    outputs,
  };
}

/** Height and width of the image: constants, or read from its shape at run time. */
function sourceSize(
  writer: GraphBuilder,
  size: 'free' | { readonly height: number; readonly width: number },
): GraphPlaneSize {
  if (size !== 'free') {
    for (const side of [size.height, size.width]) {
      if (!Number.isInteger(side) || side < 1) {
        throw new UsageError(
          `The image size must be whole numbers, 1 or more; got ${size.height}×${size.width}.`,
        );
      }
    }
    return size;
  }
  const shape = writer.emit('Shape', [IMAGE]);
  const side = (axis: number) => writer.emit('Gather', [shape, writer.int64(axis)], { axis: int(0) });
  return { height: side(1), width: side(2) };
}

/** Writes the preprocessing, from `image` to `input`. */
function writeInput(writer: GraphBuilder, card: ModelCard, source: GraphPlaneSize): void {
  const { channels, maxValue, normalization } = card;
  const range = rangeOf(normalization);
  const convert = (pixels: string) => inRange(writer, writer.castTo(pixels, 'float32'), range);
  const resized = resizePixelsTo(writer, IMAGE, channels, source, card, convert);
  if (normalization.kind === 'per-image') {
    // (x − min) / (max − min) does not depend on the largest pixel value, so it needs no division by it.
    const least = writer.emit('ReduceMin', [resized], { keepdims: int(1) });
    const most = writer.emit('ReduceMax', [resized], { keepdims: int(1) });
    const spread = writer.emit('Sub', [most, least]);
    // An image with a single value has no range; it becomes 0.
    const flat = writer.emit('Equal', [spread, writer.scalar(0)]);
    const divisor = writer.emit('Where', [flat, writer.scalar(1), spread]);
    writer.emit('Div', [writer.emit('Sub', [resized, least]), divisor], {}, { output: MODEL_INPUT });
    return;
  }
  const { mean, std } = normalization;
  const perChannel = (values: readonly number[]) =>
    writer.constant(Float32Array.from(values), [1, channels, 1, 1], 'float32');
  // The default range is from 0 to the largest pixel value.
  const low = mean.map((_, c) => range?.low[c] ?? 0);
  const width = low.map((from, c) => (range?.high[c] ?? maxValue) - from);
  const scaled = writer.emit('Mul', [resized, perChannel(std.map((s, c) => 1 / (s * width[c]!)))]);
  const shift = mean.map((m, c) => (m + low[c]! / width[c]!) / std[c]!);
  writer.emit('Sub', [scaled, perChannel(shift)], {}, { output: MODEL_INPUT });
}

/** Clips pixels (…×C) that are far outside the range, as `stretchedImage` does in training. */
function inRange(writer: GraphBuilder, pixels: string, range: ValueRange | undefined): string {
  if (range === undefined) return pixels;
  const { low, high } = range;
  const perChannel = (values: readonly number[]) =>
    writer.constant(Float32Array.from(values), [values.length], 'float32');
  const margin = low.map((from, c) => RANGE_MARGIN * (high[c]! - from));
  const raised = writer.emit('Max', [pixels, perChannel(low.map((from, c) => from - margin[c]!))]);
  return writer.emit('Min', [raised, perChannel(high.map((to, c) => to + margin[c]!))]);
}

/** The planes of `scores`: class 1 of two classes, else all; and for objects the separation. */
const scoresOf = (card: ModelCard): number =>
  (isBinary(card) ? 1 : card.classes.length) + (card.objects ? 1 : 0);

/** Writes the scores of two classes: the probability of class 1. */
function writeForeground(writer: GraphBuilder, logits: LogitsShape): void {
  if (logits.channels === 1) {
    writer.emit('Sigmoid', [LOGITS], {}, { output: SCORES });
    return;
  }
  const both = writeSoftmax(writer, LOGITS);
  const [one, two] = [writer.int64s([1]), writer.int64s([2])];
  writer.emit('Slice', [both, one, two, one], {}, { output: SCORES });
}

/** Writes the scores of objects: the probabilities of the classes, sums over their levels, and the expected level. */
export function writeLevels(
  writer: GraphBuilder,
  card: ModelCard,
  logits: Pick<LogitsShape, 'channels'>,
): void {
  const classes = card.classes.length;
  const levels = writeSoftmax(writer, LOGITS);
  const classOf = classOfOutputs(classes);
  const rows = [
    ...card.classes.flatMap((_, value) =>
      classes === 2 && value === 0 ? [] : [classOf.map((own) => Number(own === value))],
    ),
    energyOfOutputs(classes),
  ];
  const weights = writer.constant(
    Float32Array.from(rows.flat()),
    [rows.length, logits.channels, 1, 1],
    'float32',
  );
  writer.emit('Conv', [levels, weights], {}, { output: SCORES });
}

/** Writes the output `separation` and returns the strips without it. */
function withoutSeparation(writer: GraphBuilder, card: ModelCard, planes: readonly string[]): string[] {
  const at = scoresOf(card) - 1;
  const cut = (strip: string, from: number, to: number) =>
    writer.emit('Slice', [strip, writer.int64s([from]), writer.int64s([to]), writer.int64s([1])]);
  const separation = planes.map((strip) =>
    writer.emit('Squeeze', [cut(strip, at, at + 1), writer.int64s([1])]),
  );
  joined(writer, separation, 1, SEPARATION);
  return planes.map((strip) => cut(strip, 0, at));
}

/** Writes the postprocessing for two classes from strips of the probability of class 1. */
function writeTwoClasses(writer: GraphBuilder, card: ModelCard, strips: readonly string[]): void {
  const threshold = writer.define(thresholdTensor(card));
  const chosen = strips.map((strip) => {
    const decided = writer.castTo(writer.emit('GreaterOrEqual', [strip, threshold]), 'uint8');
    return writer.emit('Squeeze', [decided, writer.int64s([1])]);
  });
  joined(writer, chosen, 1, MASK);
  const foreground = joined(writer, strips, 2);
  const background = writer.emit('Sub', [writer.scalar(1), foreground]);
  writer.emit('Concat', [background, foreground], { axis: int(1) }, { output: PROBABILITIES });
}

/** Writes the postprocessing for three classes or more from strips of their probabilities. */
function writeClasses(writer: GraphBuilder, strips: readonly string[]): void {
  const chosen = strips.map((strip) => {
    const best = writer.emit('ArgMax', [strip], { axis: int(1), keepdims: int(0) });
    return writer.castTo(best, 'uint8');
  });
  joined(writer, chosen, 1, MASK);
  joined(writer, strips, 2, PROBABILITIES);
}

/** Writes the postprocessing for classes that overlap from strips of their probabilities. */
function writeOverlappingClasses(writer: GraphBuilder, card: ModelCard, strips: readonly string[]): void {
  joined(writer, writeSets(writer, card, strips), 1, MASK);
  joined(writer, strips, 2, PROBABILITIES);
}

/**
 * The sets of the classes whose probabilities (1×K×H×W) reach the threshold, as uint8 1×H×W: the sums of their bits.
 *
 * @param strips of rows of the probabilities.
 */
export function writeSets(writer: GraphBuilder, card: ModelCard, strips: readonly string[]): string[] {
  const threshold = writer.define(thresholdTensor(card));
  const bits = writer.constant(
    Float32Array.from(card.classes, (_, k) => setOf(k)),
    [1, card.classes.length, 1, 1],
    'float32',
  );
  return strips.map((strip) => {
    const reached = writer.castTo(writer.emit('GreaterOrEqual', [strip, threshold]), 'float32');
    const axes = writer.int64s([1]);
    const sum = writer.emit('ReduceSum', [writer.emit('Mul', [reached, bits]), axes], { keepdims: int(0) });
    return writer.castTo(sum, 'uint8');
  });
}

/** The threshold as a value of the graph, which an input may replace. */
const thresholdTensor = ({ threshold = DEFAULT_THRESHOLD }: ModelCard) =>
  tensorOf(THRESHOLD, 'float32', [], Float32Array.of(threshold));

/** Joins strips of rows. */
function joined(writer: GraphBuilder, strips: readonly string[], axis: number, output?: string): string {
  const named = output === undefined ? {} : { output };
  if (strips.length === 1) return writer.emit('Identity', strips, {}, named);
  return writer.emit('Concat', strips, { axis: int(axis) }, named);
}

/**
 * Replaces a model's outputs by other values of its graph. Nodes that the new outputs do not need are removed. Types
 * and shapes of values that are not outputs of `model` must be given.
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
