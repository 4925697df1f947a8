/** The order in which a model uses its weights and buffers. */
import { input, nodesBehind } from '../graph/index.js';
import type { Layer } from '../nn/index.js';
import { ModelTensor, traceModel } from '../nn/index.js';
import { inMode } from './mode.js';
import { type ImageShape, MODEL_INPUT } from './prediction-graph.js';

/**
 * Names of the weights and buffers, layer by layer in the order in which inference first uses the layers. Within a
 * layer, weights come before buffers, as in the state dict of a PyTorch model.
 */
export function leafOrder(model: Layer, { batch = 1, channels, height, width }: ImageShape): string[] {
  const named = [...model.namedParameters(), ...model.namedBuffers()];
  const layerOf = (name: string) => name.slice(0, name.lastIndexOf('.') + 1);
  const nameOf = new Map<unknown, string>(named.map(([name, leaf]) => [leaf, name]));
  const inLayer = (layer: string) => named.flatMap(([name]) => (layerOf(name) === layer ? [name] : []));
  const images = input(MODEL_INPUT, [batch, channels, height, width]);
  const { output } = inMode(model, 'evaluation', () => traceModel(model, images));
  const used = nodesBehind([output])
    .flatMap(({ inputs }) => inputs.filter((tensor) => tensor instanceof ModelTensor))
    .map((leaf) => layerOf(nameOf.get(leaf)!));
  return [...new Set(used)].flatMap(inLayer);
}
