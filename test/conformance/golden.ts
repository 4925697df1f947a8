/** The values that PyTorch gave for the cases, as ../golden/operators.py writes them. Runs in a page too. */
import type { DType, Shape } from '../../src/graph/index.js';
import { sizeOf } from '../../src/graph/index.js';

interface IndexEntry {
  readonly name: string;
  readonly inputs: readonly { readonly shape: Shape; readonly dtype: DType }[];
  readonly output: { readonly shape: Shape; readonly error: number };
  readonly gradients: readonly number[];
}

/** Values in float64, and the relative error of PyTorch's own float32. */
export interface Reference {
  readonly values: Float32Array;
  readonly error: number;
}

export interface GoldenCase {
  readonly inputs: readonly { readonly shape: Shape; readonly dtype: DType; readonly values: Float32Array }[];
  /** By which the result is weighed to make a loss; absent where nothing is differentiable. */
  readonly cotangent: Float32Array | undefined;
  readonly output: Reference & { readonly shape: Shape };
  /** Of the float inputs, in order. */
  readonly gradients: readonly Reference[];
}

/** @param index operators.json, parsed @param memory operators.bin */
export function readGolden(index: unknown, memory: ArrayBuffer): Map<string, GoldenCase> {
  let at = 0;
  const take = (shape: Shape) => {
    const values = new Float32Array(memory, at, sizeOf(shape));
    at += values.byteLength;
    return values;
  };
  const cases = (index as readonly IndexEntry[]).map(({ name, inputs, output, gradients }) => {
    const golden: GoldenCase = {
      inputs: inputs.map(({ shape, dtype }) => ({ shape, dtype, values: take(shape) })),
      cotangent: gradients.length > 0 ? take(output.shape) : undefined,
      output: { ...output, values: take(output.shape) },
      gradients: inputs
        .filter(({ dtype }) => dtype === 'float32')
        .flatMap(({ shape }, i) =>
          gradients.length > 0 ? [{ values: take(shape), error: gradients[i]! }] : [],
        ),
    };
    return [name, golden] as const;
  });
  if (at !== memory.byteLength) throw new Error('operators.bin and operators.json do not belong together');
  return new Map(cases);
}
