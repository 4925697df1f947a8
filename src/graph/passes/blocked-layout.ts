/**
 * The blocked layout: which convolutions run as ONNX Runtime's own blocked operators (`operators/blocked-convolution.ts`),
 * and what else is then written differently:
 *
 *   - a blocked convolution of joined images reads the parts one by one, and the join is not computed;
 *   - so does its filter gradient;
 *   - a slice of channels of a blocked transposed convolution (the gradient of one part of a join) is computed by a
 *     convolution with that slice of the weight, and the whole gradient is not computed;
 *   - a ReLU that is the only reader of a blocked convolution becomes an attribute of the convolution.
 *
 * Every other node is not planned, and is lowered as its operator does by default.
 */
import type { Lowering } from '../lowering.js';
import { blockedConv, blockTransposedWeight, blockWeight } from '../operators/blocked-convolution.js';
import { reluOperator } from '../operators/activations.js';
import type {
  ConvGeometry,
  ConvTransposeAttributes,
  FilterGradientAttributes,
} from '../operators/convolution.js';
import { convOperator, convTransposeOperator, filterGradientOperator } from '../operators/convolution.js';
import { convAttributes, lowerFilterGradient, padsOfPlain } from '../operators/convolution-lowering.js';
import type { SliceAttributes } from '../operators/layout.js';
import { concatOperator, sliceOperator } from '../operators/layout.js';
import type { Target } from '../target.js';
import type { Node, Operator, Shape, Tensor } from '../tensor.js';
import { isConstant, sizeOf } from '../tensor.js';
import { nodesBehind } from './reachability.js';

/** How one node is lowered instead of by its operator. */
interface PlannedNode {
  /** The tensors that `lower` reads. */
  readonly reads: readonly Tensor[];
  /** Emits ONNX nodes; returns the ONNX names of the outputs. */
  lower(onnx: Lowering): string[];
}

export interface LayoutPlan {
  /** The nodes to lower, each after those it reads. */
  readonly nodes: readonly Node[];
  /** How often each tensor is read. Being a result of the graph counts as one reader. */
  readonly useCounts: ReadonlyMap<Tensor, number>;
  readonly planned: ReadonlyMap<Node, PlannedNode>;
}

/** Plans the nodes that `results` are computed from. */
export function blockedLayout(results: readonly Tensor[], target: Target): LayoutPlan {
  const planned = new Map<Node, PlannedNode>();
  const fused = new Set<Node>();
  const reads = (node: Node): readonly Tensor[] => {
    const plan = target.convolutionBlock === 0 ? undefined : planNode(node, target, fused);
    if (plan) planned.set(node, plan);
    return plan?.reads ?? node.inputs;
  };
  const nodes = nodesBehind(results, reads);
  const useCounts = new Map<Tensor, number>();
  const count = (t: Tensor) => useCounts.set(t, (useCounts.get(t) ?? 0) + 1);
  for (const node of nodes) (planned.get(node)?.reads ?? node.inputs).forEach(count);
  results.forEach(count);
  for (const node of nodes) {
    const x = node.inputs[0]!;
    if (node.operator !== reluOperator || node.recomputed) continue;
    if (x.node.operator !== convOperator || !planned.has(x.node) || useCounts.get(x) !== 1) continue;
    fused.add(x.node);
    planned.set(node, { reads: node.inputs, lower: (onnx) => [onnx.name(x)] });
  }
  return { nodes, useCounts, planned };
}

/** @param fused convolutions that apply a ReLU; complete when nodes are lowered */
function planNode(node: Node, target: Target, fused: ReadonlySet<Node>): PlannedNode | undefined {
  if (isNode(node, convOperator)) return planConv(node, target, fused);
  if (isNode(node, convTransposeOperator)) {
    const channels = node.outputs[0]!.shape[1]!;
    return planConvTranspose(node, target, 0, channels);
  }
  if (isNode(node, filterGradientOperator)) return planFilterGradient(node, target);
  return isNode(node, sliceOperator) ? planSlice(node, target) : undefined;
}

const isNode = <A>(node: Node, operator: Operator<A>): node is Node<A> => node.operator === operator;

/**
 * Pixels of a batch from which the blocked layout is faster: for fewer, converting the weights costs more than it
 * saves. Milliseconds of plain and blocked convolutions, changes of layout included (two cores with AVX-512,
 * batch 8): 64 channels at 128² 58 and 43; 256 to 128 at 64² 99 and 72; 256 at 32² 38 and 33; 512 at 16² 41 and
 * 33; 32 at 64² 4.8 and 3.0; 512 at 8² 10 and 11.
 */
const LEAST_PIXELS = 1024;

/**
 * Whether a convolution is best run in the blocked layout. Not with a 1×1 kernel, which is a matrix product already.
 *
 * @param channels of each part of the image
 * @param to the result's shape, N×O×H'×W'
 */
function runsBlocked(
  { convolutionBlock: block }: Target,
  channels: readonly number[],
  to: Shape,
  kernel: readonly number[],
  groups: number,
): boolean {
  if (groups !== 1 || kernel.every((k) => k === 1)) return false;
  const [n, o, h, w] = to as [number, number, number, number];
  return [...channels, o].every((count) => count % block === 0) && n * h * w >= LEAST_PIXELS;
}

/** The tensors whose channels `x` (N×C×H×W) joins; `x` itself if it is not a join. */
function channelParts(x: Tensor): readonly Tensor[] {
  const joined = isNode(x.node, concatOperator) && x.node.attributes.axis === 1;
  return joined ? x.node.inputs.flatMap(channelParts) : [x];
}

const channelsOf = (parts: readonly Tensor[]) => parts.map(({ shape }) => shape[1]!);

function planConv(
  node: Node<ConvGeometry>,
  target: Target,
  fused: ReadonlySet<Node>,
): PlannedNode | undefined {
  const [x, weight, ...bias] = node.inputs as [Tensor, Tensor, ...Tensor[]];
  // A constant weight is that of a frozen layer: ONNX Runtime itself converts it once, and folds norms into it.
  if (isConstant(weight)) return undefined;
  const { shape } = weight;
  const blocked = (parts: readonly Tensor[]) =>
    runsBlocked(target, channelsOf(parts), node.outputs[0]!.shape, shape.slice(2), node.attributes.groups);
  const parts = [channelParts(x), [x]].find(blocked);
  if (!parts) return undefined;
  return {
    reads: [...parts, weight, ...bias],
    lower(onnx) {
      const w = onnx.name(weight);
      const weights = parts.length === 1 ? [w] : slicesOfWeight(onnx, w, channelsOf(parts));
      const operands = parts.map((part, i) => {
        const weightShape = [shape[0]!, part.shape[1]!, ...shape.slice(2)];
        return { x: onnx.name(part), weight: blockWeight(onnx, weights[i]!, weightShape) };
      });
      const result = blockedConv(onnx, operands, {
        bias: bias[0] && onnx.name(bias[0]),
        channels: shape[0]!,
        attributes: convAttributes(shape.slice(2), node.attributes, { recomputed: node.recomputed }),
        relu: fused.has(node),
      });
      return [result];
    },
  };
}

/** O×C×kh×kw cut into the weights of parts of the input's channels. */
function slicesOfWeight(onnx: Lowering, w: string, channels: readonly number[]): string[] {
  let end = 0;
  return channels.map((count) => sliceOfChannels(onnx, w, end, (end += count)));
}

const sliceOfChannels = (onnx: Lowering, x: string, start: number, end: number) =>
  onnx.emit('Slice', [x, onnx.int64s([start]), onnx.int64s([end]), onnx.int64s([1])]);

/** Channels `start … end` of the result of a transposed convolution of stride 1, which is a convolution. */
function planConvTranspose(
  node: Node<ConvTransposeAttributes>,
  target: Target,
  start: number,
  end: number,
): PlannedNode | undefined {
  const [x, weight] = node.inputs as [Tensor, Tensor];
  const [n, channels, ...size] = node.outputs[0]!.shape as [number, number, number, number];
  const [o, c, ...kernel] = weight.shape as [number, number, number, number];
  const pads = padsOfPlain(node);
  const to = [n, end - start, ...size];
  if (!pads || isConstant(weight)) return undefined;
  if (!runsBlocked(target, [x.shape[1]!], to, kernel, node.attributes.groups)) return undefined;
  return {
    reads: node.inputs,
    lower(onnx) {
      let w = onnx.name(weight);
      if (end - start < channels) {
        // In another shape than in the forward pass: ONNX Runtime would merge equal slices, and keep the first.
        w = sliceOfChannels(onnx, onnx.reshape(w, [o, c, sizeOf(kernel), 1]), start, end);
      }
      const operand = {
        x: onnx.name(x),
        weight: blockTransposedWeight(onnx, w, [o, end - start, ...kernel]),
      };
      const attributes = convAttributes(kernel, node.attributes, { pads: pads.flat() });
      return [blockedConv(onnx, [operand], { channels: end - start, attributes })];
    },
  };
}

/**
 * A slice of channels of a transposed convolution. Where the blocked layout suits some slices of a result only, they
 * are computed alone and the whole result once more. This is rare, since channels come in powers of two.
 */
function planSlice(node: Node<SliceAttributes>, target: Target): PlannedNode | undefined {
  const { node: source, shape } = node.inputs[0]!;
  const { starts, ends, steps } = node.attributes;
  const wholeElsewhere = shape.every((n, i) => i === 1 || (starts[i] === 0 && ends[i] === n));
  if (!wholeElsewhere || shape.length !== 4 || steps.some((step) => step !== 1)) return undefined;
  return isNode(source, convTransposeOperator)
    ? planConvTranspose(source, target, starts[1]!, ends[1]!)
    : undefined;
}

function planFilterGradient(node: Node<FilterGradientAttributes>, target: Target): PlannedNode | undefined {
  const [x, y] = node.inputs as [Tensor, Tensor];
  const parts = channelParts(x);
  const { kernel, groups } = node.attributes;
  if (parts.length === 1 || !runsBlocked(target, channelsOf(parts), y.shape, kernel, groups))
    return undefined;
  return {
    reads: [...parts, y],
    lower: (onnx) => [
      onnx.concat(
        parts.map((part) => lowerFilterGradient({ ...node, inputs: [part, y] }, onnx)),
        1,
      ),
    ],
  };
}
