/**
 * The resizing of src/images/resize.ts as part of an ONNX graph, for sizes that are known only at run time. Resizing
 * is the product A · image · Bᵀ, where A resizes the height and B the width. The graph computes A and B.
 *
 * All numbers before the division by a row's sum are integers and therefore exact. Resizing `in` pixels to `out`, the
 * weight max(0, 1 − |j + ½ − (i + ½)·in/out| / max(1, in/out)) times 2·max(in, out) is
 *
 *   max(0, 2·max(in, out) − |(2j + 1)·out − (2i + 1)·in|)
 *
 * This is below 2³¹ if in · out is below 2³⁰, for example for a model of 1,024 pixels and an image a million wide.
 */
import type { GraphBuilder } from '../onnx/index.js';
import { int } from '../onnx/index.js';

/** A number of pixels, or the name of an int32 scalar in the graph that holds it. */
export type GraphSize = number | string;

const nameOf = (writer: GraphBuilder, size: GraphSize): string =>
  typeof size === 'number' ? writer.int32(size) : size;

/** 1, 3, 5 … 2·size − 1. */
function oddNumbers(writer: GraphBuilder, size: GraphSize): string {
  const end = writer.emit('Mul', [nameOf(writer, size), writer.int32(2)]);
  return writer.emit('Range', [writer.int32(1), end, writer.int32(2)]);
}

/**
 * The float32 matrix that resizes `from` pixels to `to`: to×from with rows that sum to 1, or its transpose from×to.
 */
function resizeMatrix(writer: GraphBuilder, from: GraphSize, to: GraphSize, transposed = false): string {
  const [inputAxis, outputAxis] = transposed ? [0, 1] : [1, 0];
  const along = (size: GraphSize, axis: number) =>
    writer.emit('Unsqueeze', [oddNumbers(writer, size), writer.int64s([1 - axis])]);
  const [inputSize, outputSize] = [nameOf(writer, from), nameOf(writer, to)];
  const pixels = writer.emit('Mul', [along(from, inputAxis), outputSize]);
  const centres = writer.emit('Mul', [along(to, outputAxis), inputSize]);
  const distance = writer.emit('Abs', [writer.emit('Sub', [pixels, centres])]);
  const reach = writer.emit('Mul', [writer.emit('Max', [inputSize, outputSize]), writer.int32(2)]);
  const whole = writer.emit('Max', [writer.emit('Sub', [reach, distance]), writer.int32(0)]);
  const weights = writer.castTo(whole, 'float32');
  const sums = writer.emit('ReduceSum', [weights, writer.int64s([inputAxis])], { keepdims: int(1) });
  return writer.emit('Div', [weights, sums]);
}

export interface GraphPlaneSize {
  readonly height: GraphSize;
  readonly width: GraphSize;
}

const sameSize = (a: GraphPlaneSize, b: GraphPlaneSize): boolean =>
  a.height === b.height && a.width === b.width;

/**
 * Resizes interleaved pixels (1×H×W×C, float32) to planes (1×C×height×width). Rows are resized first, because that
 * product can read interleaved pixels. The order does not change its cost.
 */
export function resizePixelsTo(
  writer: GraphBuilder,
  pixels: string,
  channels: number,
  from: GraphPlaneSize,
  to: GraphPlaneSize,
): string {
  if (sameSize(from, to)) return writer.transpose(pixels, [0, 3, 1, 2]);
  const lines = writer.emit('Reshape', [pixels, writer.int64s([0, 0, -1])]);
  const rows = writer.emit('MatMul', [resizeMatrix(writer, from.height, to.height), lines]);
  const apart = writer.emit('Reshape', [rows, writer.int64s([0, 0, -1, channels])]);
  const planes = writer.transpose(apart, [0, 3, 1, 2]);
  return writer.emit('MatMul', [planes, resizeMatrix(writer, from.width, to.width, true)]);
}

/** Resizes planes of a known size (1×K×h×w, float32) to 1×K×height×width. */
export function resizePlanesTo(
  writer: GraphBuilder,
  planes: string,
  from: { readonly height: number; readonly width: number },
  to: GraphPlaneSize,
  output?: string,
): string {
  const named = output === undefined ? {} : { output };
  if (sameSize(from, to)) return writer.emit('Identity', [planes], {}, named);
  const rows = resizeMatrix(writer, from.height, to.height);
  const columns = resizeMatrix(writer, from.width, to.width, true);
  // The second product is the larger one, so it should sum over the shorter side.
  if (from.width <= from.height) {
    return writer.emit('MatMul', [writer.emit('MatMul', [rows, planes]), columns], {}, named);
  }
  return writer.emit('MatMul', [rows, writer.emit('MatMul', [planes, columns])], {}, named);
}
