/** Runs one case on a runtime, and says how far result and gradients are from PyTorch's. Runs in a page too. */
import type { Leaf, Tensor, TensorData } from '../../src/graph/index.js';
import { arrayOf, concat, gradients, input, mul, reshape, sum } from '../../src/graph/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import { Program } from '../../src/runtime/index.js';
import type { Case } from './case.js';
import type { GoldenCase, Reference } from './golden.js';

/** How far a tensor may be off where PyTorch's own float32 is closer: ‖a − b‖ ÷ ‖b‖. */
const TOLERANCE = 1e-4;

export interface Deviation {
  /** `result`, or `gradient of input 0`. */
  readonly tensor: string;
  /** ‖a − b‖ ÷ ‖b‖, or ‖a‖ where b is zero. */
  readonly error: number;
  readonly bound: number;
}

function deviation(tensor: string, values: TensorData, { values: wanted, error }: Reference): Deviation {
  if (values.length !== wanted.length) {
    throw new Error(`${tensor} has ${values.length} values instead of ${wanted.length}`);
  }
  let distance = 0;
  let norm = 0;
  wanted.forEach((b, i) => {
    distance += (Number(values[i]) - b) ** 2;
    norm += b ** 2;
  });
  return {
    tensor,
    error: Math.sqrt(distance) / (norm === 0 ? 1 : Math.sqrt(norm)),
    bound: Math.max(TOLERANCE, 3 * error),
  };
}

/** The gradients of a tensor weighed by `weights`, flat, one after another. */
function flatGradients(y: Tensor, weights: Tensor, leaves: readonly Tensor[]): Tensor {
  const flat = gradients(sum(mul(y, weights)), leaves).map((g) => reshape(g, [g.size]));
  return concat(flat, 0);
}

const isFloat = ({ dtype }: Tensor) => dtype === 'float32';

/** The graph of a case: its `result` and, if it is `differentiable`, the gradients of its float inputs. */
export function caseGraph(test: Case, differentiable: boolean) {
  const named = test.inputs.map(({ shape, dtype }, i) => input(`input ${i}`, shape, dtype));
  let leaves: Leaf[] = named;
  let result = test.expression(...named);
  if (test.second) {
    const weights = input('first cotangent', result.shape);
    result = flatGradients(result, weights, named.filter(isFloat));
    leaves = [weights, ...named];
  }
  if (!differentiable) return { leaves, definition: { inputs: leaves, outputs: { result } } };
  const cotangent = input('cotangent', result.shape);
  const floats = leaves.filter(isFloat);
  const outputs: Record<string, Tensor> = { result };
  gradients(sum(mul(result, cotangent)), floats).forEach((gradient, i) => {
    outputs[`gradient of ${floats[i]!.name}`] = gradient;
  });
  return { leaves, definition: { inputs: [...leaves, cotangent], outputs } };
}

export async function checkCase(test: Case, golden: GoldenCase, runtime: Runtime): Promise<Deviation[]> {
  const { leaves, definition } = caseGraph(test, golden.cotangent !== undefined);
  const expected = golden.inputs.map(({ shape, dtype }) => `${dtype} ${shape.join('×') || 'scalar'}`);
  if (leaves.join() !== expected.join()) {
    throw new Error(`the case's inputs are ${leaves.join()}, the golden ones ${expected.join()}`);
  }
  const { shape } = definition.outputs['result']!;
  if (shape.join() !== golden.output.shape.join()) {
    throw new Error(`the result is ${shape.join('×')}, PyTorch's ${golden.output.shape.join('×')}`);
  }
  const feeds = Object.fromEntries(
    leaves.map((leaf, i) => [leaf.name, arrayOf(leaf.dtype, golden.inputs[i]!.values)]),
  );
  if (golden.cotangent) feeds['cotangent'] = golden.cotangent;
  const references = [golden.output, ...golden.gradients];
  const program = await Program.compile(definition, runtime);
  try {
    const values = await program.evaluate(feeds);
    return Object.keys(definition.outputs).map((name, i) => deviation(name, values[name]!, references[i]!));
  } finally {
    await program.release();
  }
}
