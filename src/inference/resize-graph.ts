/**
 * The resizing of src/images/resize.ts as part of an ONNX graph, for sizes that are known only at run time. Along an
 * axis, the pixels that a few neighbouring output pixels need are gathered, and a small matrix product weighs them:
 * memory and time grow with the sizes, not with their product as those of one matrix for the whole axis do.
 *
 * Resizing `in` pixels to `out`, the weight max(0, 1 − |j + ½ − (i + ½)·in/out| / max(1, in/out)) times
 * 2·max(in, out) is
 *
 *   max(0, 2·max(in, out) − |(2j + 1)·out − (2i + 1)·in|)
 *
 * The positions are computed with int64, so they are exact for every size.
 *
 * Rows are resized to the smaller of both heights first, then columns, then rows to the final height. One of the
 * row steps changes nothing, and no step makes an image that is larger than both the given and the final one.
 */
import type { GraphBuilder } from '../onnx/index.js';
import { int } from '../onnx/index.js';

/** A number of pixels, or the name of an int64 scalar in the graph that holds it. */
export type GraphSize = number | string;

export interface GraphPlaneSize {
  readonly height: GraphSize;
  readonly width: GraphSize;
}

/**
 * The most output pixels that share one small matrix. Their inputs are gathered once, so larger blocks gather less;
 * smaller ones multiply less by zeros.
 */
const BLOCK = 8;

/**
 * Where an axis shrinks by more than this divided by {@link BLOCK}, blocks are smaller, down to single pixels at this
 * factor: the matrices of all blocks together have a block times twice the input's pixels.
 */
const SHRINKING = 256;

/**
 * Large images are processed in this many strips of rows, one after the other, so that only one of them is in memory
 * as float32. WebGPU concatenates at most seven tensors.
 */
const STRIPS = 7;

/** The filter of one axis in blocks of output pixels. The last block may reach beyond the end. */
interface AxisFilter {
  readonly to: GraphSize;
  /** Output pixels of all blocks, `to` or more. */
  readonly outputs: GraphSize;
  readonly blocks: GraphSize;
  /** The input pixels of each block: int64, blocks × inputs. */
  readonly index: string;
  /** Float32, blocks × outputs of a block × inputs. The weights of an output pixel sum to 1. */
  readonly weights: string;
}

const INTEGER_OPERATIONS = {
  Add: (a: number, b: number) => a + b,
  Sub: (a: number, b: number) => a - b,
  Mul: (a: number, b: number) => a * b,
  Div: (a: number, b: number) => Math.trunc(a / b),
  Min: (a: number, b: number) => Math.min(a, b),
  Max: (a: number, b: number) => Math.max(a, b),
};

/** Writes the steps of resizing. Values of which both operands are known are computed now. */
class ResizeWriter {
  constructor(private readonly writer: GraphBuilder) {}

  readonly add = this.operation('Add');
  readonly sub = this.operation('Sub');
  readonly mul = this.operation('Mul');
  readonly div = this.operation('Div');
  readonly min = this.operation('Min');
  readonly max = this.operation('Max');

  private operation(opType: keyof typeof INTEGER_OPERATIONS) {
    return (a: GraphSize, b: GraphSize): GraphSize => {
      if (typeof a === 'number' && typeof b === 'number') return INTEGER_OPERATIONS[opType](a, b);
      return this.writer.emit(opType, [this.value(a), this.value(b)]);
    };
  }

  private value(size: GraphSize): string {
    return typeof size === 'number' ? this.writer.int64(size) : size;
  }

  /** 0 … size − 1. */
  private range(size: GraphSize): string {
    return this.writer.emit('Range', [this.value(0), this.value(size), this.value(1)]);
  }

  private unsqueeze(size: GraphSize, axes: readonly number[]): string {
    return this.writer.emit('Unsqueeze', [this.value(size), this.writer.int64s(axes)]);
  }

  /** Sizes as a vector. */
  private vector(sizes: readonly GraphSize[]): string {
    const { writer } = this;
    if (sizes.every((size) => typeof size === 'number')) return writer.int64s(sizes);
    const parts = sizes.map((size) => this.unsqueeze(size, [0]));
    return parts.length === 1 ? parts[0]! : writer.emit('Concat', parts, { axis: int(0) });
  }

  reshape(name: string, dims: readonly GraphSize[]): string {
    return this.writer.emit('Reshape', [name, this.vector(dims)]);
  }

  /** The filter that resizes `from` pixels to `to`. */
  filter(from: GraphSize, to: GraphSize): AxisFilter {
    const { writer, add, sub, mul, div, min, max } = this;
    const reach = mul(max(from, to), 2);
    // With fewer than BLOCK pixels per strip the blocks are smaller, so that no strip is empty.
    const ofShrunk = div(to, div(add(from, SHRINKING - 1), SHRINKING));
    const block = max(1, min(min(BLOCK, div(to, STRIPS)), ofShrunk));
    const blocks = div(sub(add(to, block), 1), block);
    // Input j has a weight for the pixels i to i + block − 1 of a block if (2j + 1)·out is between (2i + 1)·in − reach
    // and (2(i + block − 1) + 1)·in + reach: there are at most `inputs`, and the first is `first`.
    const inputs = min(from, add(div(add(mul(sub(block, 1), from), reach), to), 1));
    const centres = mul(add(mul(this.range(blocks), mul(block, 2)), 1), from);
    // Limited only after the division: Min and Max of int64 are wrong beyond 2³¹ in ONNX Runtime 1.30 on AVX-512.
    const above = div(add(sub(centres, reach), to), mul(to, 2));
    const first = min(max(above, 0), sub(from, inputs));
    const steps = this.range(inputs);
    const index = writer.emit('Add', [this.unsqueeze(first, [1]), steps]);
    // (2j + 1)·out − (2i + 1)·in for the first of each block. From here on, float32 is precise enough.
    const offset = sub(mul(add(mul(first, 2), 1), to), centres);
    const within = mul(this.unsqueeze(this.range(block), [1]), mul(from, 2));
    const ofOutputs = writer.castTo(this.value(sub(this.unsqueeze(offset, [1, 2]), within)), 'float32');
    const ofInputs = writer.castTo(this.value(mul(steps, mul(to, 2))), 'float32');
    const distance = writer.emit('Abs', [writer.emit('Add', [ofOutputs, ofInputs])]);
    const limit = writer.castTo(this.value(reach), 'float32');
    const weights = writer.emit('Relu', [writer.emit('Sub', [limit, distance])]);
    const sums = writer.emit('ReduceSum', [weights, writer.int64s([2])], { keepdims: int(1) });
    const normalized = writer.emit('Div', [weights, sums]);
    return { to, outputs: mul(blocks, block), blocks, index, weights: normalized };
  }

  /** Weighs the gathered inputs (L×blocks×inputs×R); the result is L × outputs × R. */
  private weigh(weights: string, gathered: string, lead: number, rest: GraphSize): string {
    return this.reshape(this.writer.emit('MatMul', [weights, gathered]), [lead, -1, rest]);
  }

  /** Removes the output pixels of the last block that are beyond the end, from L × outputs × R or its last strip. */
  private cut(name: string, filter: AxisFilter, start: GraphSize = 0): string {
    if (filter.to === filter.outputs) return name;
    const { writer } = this;
    const end = this.vector([this.sub(filter.to, start)]);
    return writer.emit('Slice', [name, writer.int64s([0]), end, writer.int64s([1])]);
  }

  /** Resizes the second axis of L×from×R values to `to`. */
  along(name: string, lead: number, from: GraphSize, to: GraphSize, rest: GraphSize): string {
    if (from === to) return name;
    const filter = this.filter(from, to);
    const gathered = this.writer.emit('Gather', [name, filter.index], { axis: int(1) });
    return this.cut(this.weigh(filter.weights, gathered, lead, rest), filter);
  }

  /** As `along`, strip by strip. @param convert makes L×blocks×inputs×R of the gathered inputs of a strip. */
  inStrips(
    name: string,
    lead: number,
    from: GraphSize,
    to: GraphSize,
    rest: GraphSize,
    convert = (inputs: string): string => inputs,
  ): readonly string[] {
    if (from === to) return [convert(name)];
    const { writer } = this;
    const filter = this.filter(from, to);
    const numbers = writer.int64s(Array.from({ length: STRIPS + 1 }, (_, i) => i));
    // The first block of each strip, and the end.
    const bounds = this.value(this.div(this.mul(numbers, filter.blocks), STRIPS));
    const part = (start: number, end: number) =>
      writer.emit('Slice', [bounds, writer.int64s([start]), writer.int64s([end])]);
    const counts = this.value(this.sub(part(1, STRIPS + 1), part(0, STRIPS)));
    const split = (values: string) => writer.emitMany('Split', [values, counts], STRIPS, { axis: int(0) });
    const weights = split(filter.weights);
    const strips = split(filter.index).map((index, i) => {
      const gathered = writer.emit('Gather', [name, index], { axis: int(1) });
      return this.weigh(weights[i]!, convert(gathered), lead, rest);
    });
    const lastBlock = writer.emit('Squeeze', [part(STRIPS - 1, STRIPS), writer.int64s([0])]);
    const start = this.mul(lastBlock, this.div(filter.outputs, filter.blocks));
    return [...strips.slice(0, -1), this.cut(strips.at(-1)!, filter, start)];
  }
}

/**
 * Resizes interleaved pixels (1×H×W×C) to planes (1×C×height×width, float32).
 *
 * @param convert writes the conversion to float32 of some of the pixels; the last axis is that of the channels.
 */
export function resizePixelsTo(
  writer: GraphBuilder,
  pixels: string,
  channels: number,
  from: GraphPlaneSize,
  to: { readonly height: number; readonly width: number },
  convert: (pixels: string) => string,
): string {
  const resize = new ResizeWriter(writer);
  const height = resize.min(from.height, to.height);
  const line = resize.mul(from.width, channels);
  const linesOf = (gathered: string): string => resize.reshape(convert(gathered), [0, 0, 0, line]);
  const strips =
    from.height === height
      ? [convert(pixels)]
      : resize.inStrips(pixels, 1, from.height, height, line, linesOf);
  const rows = strips.length === 1 ? strips[0]! : writer.emit('Concat', strips, { axis: int(1) });
  const byColumn = writer.transpose(resize.reshape(rows, [height, from.width, channels]), [1, 2, 0]);
  const columns = resize.along(
    resize.reshape(byColumn, [1, from.width, -1]),
    1,
    from.width,
    to.width,
    resize.mul(channels, height),
  );
  const planes = writer.transpose(resize.reshape(columns, [to.width, channels, height]), [1, 2, 0]);
  const resized = resize.along(planes, channels, height, to.height, to.width);
  return resize.reshape(resized, [1, channels, to.height, to.width]);
}

/**
 * Resizes planes of a known size (1×K×h×w, float32) to 1×K×height×width, in strips of rows from top to bottom: what
 * is computed from a strip needs memory for the strip only.
 */
export function resizePlanesTo(
  writer: GraphBuilder,
  planes: string,
  channels: number,
  from: { readonly height: number; readonly width: number },
  to: GraphPlaneSize,
): readonly string[] {
  const resize = new ResizeWriter(writer);
  if (from.height === to.height && from.width === to.width) return [planes];
  const height = resize.min(from.height, to.height);
  const flat = resize.reshape(planes, [channels, from.height, from.width]);
  const low = resize.along(flat, channels, from.height, height, from.width);
  const turned = writer.transpose(low, [0, 2, 1]);
  const wide = resize.along(turned, channels, from.width, to.width, height);
  const rows = writer.transpose(wide, [0, 2, 1]);
  return resize
    .inStrips(rows, channels, height, to.height, to.width)
    .map((strip) => resize.reshape(strip, [1, channels, -1, to.width]));
}
