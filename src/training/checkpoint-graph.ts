/**
 * The graph in a checkpoint, `model.onnx`: what predictions run, so that a run can be used without the code of
 * its model. It holds no weights: it refers to those in `weights.safetensors` beside it, as ONNX's external data,
 * so any ONNX Runtime opens it as it lies there. Input `input` (normalised, float32 1×C×H×W), output `logits`.
 */
import { join } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import { sameShape } from '../graph/index.js';
import type { ExternalData, OnnxGraph } from '../onnx/index.js';
import { decodeModel, encodeModel, modelOf } from '../onnx/index.js';
import type { CheckpointFiles } from './checkpoint-files.js';
import type { WeightFile } from '../weights/index.js';
import { decodeSafetensors } from '../weights/index.js';

export const GRAPH_FILE = 'model.onnx';

/**
 * The bytes of `model.onnx`.
 *
 * @param graph as `predictionGraph` gives it. @param weights the bytes of the weights file. @param location its
 *   name.
 */
export function encodeCheckpointGraph(graph: OnnxGraph, weights: Uint8Array, location: string): Uint8Array {
  const { tensors } = decodeSafetensors(weights, location);
  const places = tensors.map(({ name, bytes }): [string, ExternalData] => [
    name,
    { location, offset: bytes.byteOffset - weights.byteOffset, length: bytes.byteLength },
  ]);
  return encodeModel(modelOf(graph), new Map(places));
}

/**
 * The graph of a checkpoint with its weights, which stay views of the weights file; undefined in checkpoints of
 * versions that wrote none.
 *
 * @throws PixelwiseError if the file is damaged, or does not fit the weights.
 */
export async function readCheckpointGraph(
  files: CheckpointFiles,
  weights: WeightFile,
): Promise<OnnxGraph | undefined> {
  const path = join(files.folder, GRAPH_FILE);
  const bytes = await files.readOptional(GRAPH_FILE);
  if (!bytes) return undefined;
  // By name: a weights file that was written anew has its tensors in other places.
  const byName = new Map(weights.tensors.map((tensor) => [tensor.name, tensor]));
  const misfit = (name: string, why: string): never => {
    throw new PixelwiseError(
      'weights',
      `${weights.source} does not fit ${path}: ${name} ${why}. Restore both files of the checkpoint, or use another one.`,
    );
  };
  const { graph } = decodeModel(bytes, path, (name) => {
    const tensor = byName.get(name) ?? misfit(name, 'is missing');
    if (tensor.elementType !== 'F32') misfit(name, `is ${tensor.elementType}, not F32`);
    const { buffer, byteOffset, byteLength } = tensor.bytes;
    // A view that is no Buffer, whose `slice` would share memory.
    return new Uint8Array(buffer, byteOffset, byteLength);
  });
  for (const { name, dims } of graph.initializers) {
    const tensor = byName.get(name);
    if (tensor && !sameShape(tensor.shape, dims)) misfit(name, 'has another shape');
  }
  return graph;
}
