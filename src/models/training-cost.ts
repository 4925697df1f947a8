/**
 * Estimates a model's cost from its graph: the arithmetic of convolutions and matrix products, with two operations
 * per multiply-add, and the memory traffic. Implementation-specific work (recomputation, padded channels, the
 * optimizer) is not counted, so that throughputs of different frameworks are comparable.
 */
import type { Leaf, Node, Tensor } from '../graph/index.js';
import {
  chooseFeatures,
  featureGraph,
  featuresAt,
  input,
  multiplyAdds,
  nodesBehind,
} from '../graph/index.js';
import type { Layer } from '../nn/index.js';
import { Parameter, traceModel } from '../nn/index.js';
import { frozenLeaves } from './frozen-leaves.js';
import { inMode } from './mode.js';

/** The shape of a batch of images. */
interface Images {
  readonly size: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Operations of one forward pass on a batch. */
export function forwardOperations(model: Layer, batch: Images): number {
  return sumOverNodes(model, batch, (node) => operations(node));
}

/** Operations of one training step on a batch. */
export function trainingOperations(model: Layer, batch: Images): number {
  return sumOverNodes(model, batch, (node, hasGradient) => operations(node) * passes(node, hasGradient));
}

/** The cost of a training step per pixel of each image. */
export interface StepCost {
  /** Time on one thread. */
  readonly microseconds: number;
  /** Memory for the activations that the backward pass needs. */
  readonly bytes: number;
  /** The time that a step saves if the features of frozen layers are kept, and the memory of the features. */
  readonly frozen?: { readonly microseconds: number; readonly bytes: number } | undefined;
}

/** Throughput of one thread: 140 GFLOP/s. */
const OPERATIONS_PER_MICROSECOND = 140e3;
/** Time to read and write a value in the forward pass. A value with a gradient costs three times as much. */
const MICROSECONDS_PER_VALUE = 0.9e-3;
/** Memory per value that has a gradient. */
const BYTES_PER_VALUE = 4.2;

/**
 * Estimates the cost of a training step. For seven measured models it is within a factor of 1.5 of the measured
 * time. It is used to decide between settings whose costs differ by more than that.
 */
export function estimateStepCost(model: Layer & { readonly divisor?: number }, channels: number): StepCost {
  // A size that needs no padding.
  const side = 64 * Math.ceil((model.divisor ?? 1) / 64);
  const images = { size: 1, channels, height: side, width: side };
  const pixels = side * side;
  const time = sumOverNodes(model, images, (node, hasGradient) => {
    const moved = valuesOf(node) * (node.inputs.some(hasGradient) ? 3 : 1) * MICROSECONDS_PER_VALUE;
    return (operations(node) * passes(node, hasGradient)) / OPERATIONS_PER_MICROSECOND + moved;
  });
  const kept = sumOverNodes(model, images, (node, hasGradient) =>
    node.inputs.some(hasGradient) ? valuesOf(node) : 0,
  );
  return {
    microseconds: time / pixels,
    bytes: (BYTES_PER_VALUE * kept) / pixels,
    frozen: frozenCost(model, images),
  };
}

function frozenCost(model: Layer, batch: Images): StepCost['frozen'] {
  const images = input('image', [batch.size, batch.channels, batch.height, batch.width]);
  const { output } = inMode(model, 'training', () => traceModel(model, images));
  const fixed = frozenLeaves(model);
  const inputs = { images, isFixed: (leaf: Leaf) => fixed.has(leaf) };
  const definition = { inputs: [images], outputs: { output } };
  const cut = chooseFeatures(definition, inputs);
  if (!cut) return undefined;
  const features = featuresAt(definition, inputs, cut);
  const nodes = nodesBehind(Object.values(featureGraph(definition, features).outputs));
  // Norms and activations of a frozen layer are parts of its convolution.
  const microseconds = nodes.reduce((sum, node) => sum + (operations(node) > 0 ? timeOf(node) : 0), 0);
  const values = features.reduce((sum, { size }) => sum + size, 0);
  const pixels = batch.size * batch.height * batch.width;
  return { microseconds: microseconds / pixels, bytes: (4 * values) / pixels };
}

/** Time of a node in one pass. */
const timeOf = (node: Node) =>
  operations(node) / OPERATIONS_PER_MICROSECOND + valuesOf(node) * MICROSECONDS_PER_VALUE;

const valuesOf = (node: Node) => node.outputs.reduce((sum, { size }) => sum + size, 0);

const operations = (node: Node) => 2 * (multiplyAdds(node) ?? 0);

/**
 * How many times a step computes a node's products: once in the forward pass, once for the gradient of the weight
 * and once for the gradient of the input. Frozen weights have no gradient, nor does an input that depends on no
 * trained weight. The first layer therefore counts twice and a frozen layer once.
 */
const passes = ({ inputs }: Node, hasGradient: (tensor: Tensor) => boolean) =>
  1 + inputs.slice(0, 2).filter(hasGradient).length;

function sumOverNodes(
  model: Layer,
  { size, channels, height, width }: Images,
  costOf: (node: Node, hasGradient: (tensor: Tensor) => boolean) => number,
): number {
  const image = input('image', [size, channels, height, width]);
  const { output } = inMode(model, 'training', () => traceModel(model, image));
  const computed = new Set<Tensor>();
  const hasGradient = (tensor: Tensor) =>
    computed.has(tensor) || (tensor instanceof Parameter && tensor.requiresGrad);
  let sum = 0;
  for (const node of nodesBehind([output])) {
    if (node.inputs.length === 0) continue;
    if (node.inputs.some(hasGradient)) node.outputs.forEach((tensor) => computed.add(tensor));
    sum += costOf(node, hasGradient);
  }
  return sum;
}
