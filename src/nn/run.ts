/** Running a module on arrays. */
import type { Shape, Tensor, TensorData } from '../graph/index.js';
import { dtypeOf, input as leafOf } from '../graph/index.js';
import type { Runtime } from '../runtime/index.js';
import { Program } from '../runtime/index.js';
import type { Module } from './module.js';
import { traceModel } from './trace.js';

/** Values with their shape. */
export interface NDArray<T extends TensorData = TensorData> {
  readonly shape: Shape;
  readonly data: T;
}

/**
 * Runs a module once, in evaluation mode, with the values of {@link Module.stateDict}.
 *
 * ```ts
 * const logits = await run(model, { shape: [1, 3, 64, 64], data: pixels }, await createNodeRuntime());
 * ```
 *
 * Every call compiles the graph again. To segment many images, use a `Segmenter`.
 *
 * @param input N×C×H×W, or several inputs in the order of the arguments of `forward`
 * @throws ShapeError if a layer does not accept its input's shape
 */
export async function run(
  model: Module & { forward(...inputs: Tensor[]): Tensor },
  input: NDArray | readonly NDArray[],
  runtime: Runtime,
): Promise<NDArray<Float32Array>> {
  const arrays = 'shape' in input ? [input] : input;
  const inputs = arrays.map(({ shape, data }, i) => leafOf(`input_${i}`, shape, dtypeOf(data)));
  const output = model.inEvaluation(() => traceModel(model, ...inputs).output);
  const weights = [...model.namedParameters(), ...model.namedBuffers()].map(([, leaf]) => leaf);
  const program = await Program.compile({ inputs: [...inputs, ...weights], outputs: { output } }, runtime);
  try {
    const { output: data } = await program.evaluate({
      ...Object.fromEntries(arrays.map(({ data }, i) => [`input_${i}`, data])),
      ...Object.fromEntries(weights.map((leaf) => [leaf.name, leaf.presentValues(leaf.name)])),
    });
    return { shape: output.shape, data: data as Float32Array };
  } finally {
    await program.release();
  }
}
