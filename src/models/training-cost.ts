/**
 * What a model costs, counted from its graph: arithmetic, two operations for each multiplication with an
 * addition of its convolutions and matrix products, and values that pass through memory. Whatever a program does
 * besides (recomputation, padded channels, the optimizer) is left out, so that rates of different programs can
 * be compared.
 */
import type { Node, Tensor } from '../graph/index.js';
import { input, multiplyAdds, nodesBehind } from '../graph/index.js';
import type { Layer } from '../nn/index.js';
import { Parameter, traceModel } from '../nn/index.js';
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
  return sumOverNodes(model, batch, (node, learns) => operations(node) * passes(node, learns));
}

/** What a training step costs, for each pixel of each image. */
export interface StepCost {
  /** Time of one thread. */
  readonly microseconds: number;
  /** Memory for what the backward pass needs. */
  readonly bytes: number;
}

/** Operations that a thread does in a microsecond: 140 GFLOP/s. */
const OPERATIONS_PER_MICROSECOND = 140e3;
/** Microseconds for a value that is read and written in the forward pass, and thrice for one with a gradient. */
const MICROSECONDS_PER_VALUE = 0.9e-3;
/** Bytes for each value with a gradient. */
const BYTES_PER_VALUE = 4.2;

/**
 * Estimates the cost of a training step. Beside measured steps of seven models it is right within a factor of
 * 1.5; it decides between settings whose costs lie further apart.
 */
export function estimateStepCost(model: Layer & { readonly divisor?: number }, channels: number): StepCost {
  // A size that needs no padding.
  const side = 64 * Math.ceil((model.divisor ?? 1) / 64);
  const images = { size: 1, channels, height: side, width: side };
  const pixels = side * side;
  const values = (node: Node) => node.outputs.reduce((sum, { size }) => sum + size, 0);
  const time = sumOverNodes(model, images, (node, learns) => {
    const learning = node.inputs.some(learns);
    const moved = values(node) * (learning ? 3 : 1) * MICROSECONDS_PER_VALUE;
    return (operations(node) * passes(node, learns)) / OPERATIONS_PER_MICROSECOND + moved;
  });
  const kept = sumOverNodes(model, images, (node, learns) => (node.inputs.some(learns) ? values(node) : 0));
  return { microseconds: time / pixels, bytes: (BYTES_PER_VALUE * kept) / pixels };
}

const operations = (node: Node) => 2 * (multiplyAdds(node) ?? 0);

/**
 * How often a step does a node's products: the forward pass, the gradient of the weight and the gradient of the
 * input cost as much each. Frozen weights have no gradient, and neither has an input that no trained weight has
 * gone into: so the first layer counts twice, a frozen part once.
 */
const passes = ({ inputs }: Node, learns: (tensor: Tensor) => boolean) =>
  1 + inputs.slice(0, 2).filter(learns).length;

function sumOverNodes(
  model: Layer,
  { size, channels, height, width }: Images,
  costOf: (node: Node, learns: (tensor: Tensor) => boolean) => number,
): number {
  const image = input('image', [size, channels, height, width]);
  const { output } = inMode(model, 'training', () => traceModel(model, image));
  const learning = new Set<Tensor>();
  const learns = (tensor: Tensor) =>
    learning.has(tensor) || (tensor instanceof Parameter && tensor.requiresGrad);
  let sum = 0;
  for (const node of nodesBehind([output])) {
    if (node.inputs.length === 0) continue;
    if (node.inputs.some(learns)) node.outputs.forEach((tensor) => learning.add(tensor));
    sum += costOf(node, learns);
  }
  return sum;
}
