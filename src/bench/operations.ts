/**
 * The arithmetic that a model asks for, counted from shapes: two operations for each multiplication with an
 * addition of its convolutions and matrix products. All else (activations, normalisation, the optimizer) is
 * left out, and so is what a program does besides what is asked (recomputing, padding channels): rates of
 * different programs can then be compared.
 */
import type { Tensor } from '../graph/index.js';
import { input, multiplyAdds, nodesBehind } from '../graph/index.js';
import type { SegmentationModel } from '../models/index.js';
import { Parameter, traceModel } from '../nn/index.js';
import type { BatchShape } from '../training/index.js';

/** Operations of one forward pass on a batch. */
export function forwardOperations(model: SegmentationModel, batch: BatchShape): number {
  return countOperations(model, batch, () => 1);
}

/**
 * Operations of one training step on a batch: a convolution's forward pass, the gradient of its weight and
 * the gradient of its input are as much each. Weights that do not learn have no gradient, and neither has an
 * input that nothing which learns has gone into: so the first layer counts twice, a frozen part once.
 */
export function trainingOperations(model: SegmentationModel, batch: BatchShape): number {
  return countOperations(model, batch, (inputs, learns) => 1 + inputs.slice(0, 2).filter(learns).length);
}

function countOperations(
  model: SegmentationModel,
  { size, channels, height, width }: BatchShape,
  passes: (inputs: readonly Tensor[], learns: (tensor: Tensor) => boolean) => number,
): number {
  const image = input('image', [size, channels, height, width]);
  const { output } = traceModel(model, image);
  const learning = new Set<Tensor>();
  const learns = (tensor: Tensor) =>
    learning.has(tensor) || (tensor instanceof Parameter && tensor.requiresGrad);
  let operations = 0;
  for (const node of nodesBehind([output])) {
    if (node.inputs.some(learns)) node.outputs.forEach((tensor) => learning.add(tensor));
    const products = multiplyAdds(node) ?? 0;
    if (products > 0) operations += 2 * products * passes(node.inputs, learns);
  }
  return operations;
}
