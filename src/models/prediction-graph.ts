/**
 * Writes a model for inference as an ONNX graph: normalised images in, logits out, in evaluation mode, with the
 * weights as constants. Exports, predictions and checkpoints use this graph.
 */
import type { Leaf, Target } from '../graph/index.js';
import { input, lowerGraph, PORTABLE } from '../graph/index.js';
import type { Layer, ModelState } from '../nn/index.js';
import { traceModel } from '../nn/index.js';
import type { OnnxGraph } from '../onnx/index.js';
import { tensorOf } from '../onnx/index.js';
import { inMode } from './mode.js';

/** The graph's input: normalised pixels, float32 N×C×H×W. */
export const MODEL_INPUT = 'input';
/** The graph's output: float32 N×K×H×W. */
export const LOGITS = 'logits';

/** The shape of the batches that a graph accepts. */
export interface ImageShape {
  /** Images in a batch; default 1. */
  readonly batch?: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Traces the model and writes its graph. The constants share memory with the state's values and have the same
 * names.
 *
 * @param target default: only standard operators, which every runtime supports.
 * @throws ShapeError if the model does not accept images of this shape.
 */
export function predictionGraph(
  model: Layer,
  state: ModelState,
  { batch = 1, channels, height, width }: ImageShape,
  target: Target = PORTABLE,
): OnnxGraph {
  const images = input(MODEL_INPUT, [batch, channels, height, width]);
  const { output } = inMode(model, 'evaluation', () => traceModel(model, images));
  const leaves: Leaf[] = state.slots.map((slot) => slot.leaf);
  const { graph } = lowerGraph({ inputs: [images, ...leaves], outputs: { [LOGITS]: output } }, target).model;
  const used = new Set(graph.nodes.flatMap((node) => node.inputs));
  const weights = state.slots
    .filter(({ name }) => used.has(name))
    .map((slot) => tensorOf(slot.name, 'float32', slot.leaf.shape, state.values(slot)));
  return {
    ...graph,
    name: model.typeName,
    initializers: [...weights, ...graph.initializers],
    inputs: graph.inputs.filter(({ name }) => name === MODEL_INPUT),
  };
}
