/** What a case of the conformance suite is: an expression whose result and gradients PyTorch has told. */
import type { DType, Shape, Tensor } from '../../src/graph/index.js';

export interface InputType {
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface Case {
  /** Names the golden values too (see ../golden/operators.py). */
  readonly name: string;
  readonly inputs: readonly InputType[];
  readonly expression: (...inputs: Tensor[]) => Tensor;
  /** Whether the result to compare is the gradients of the expression, and its gradients their own. */
  readonly second: boolean;
}

const input =
  (dtype: DType) =>
  (...shape: number[]): InputType => ({ shape, dtype });

export const float = input('float32');
export const int32 = input('int32');
export const int64 = input('int64');
export const uint8 = input('uint8');
export const bool = input('bool');

type Expression = Case['expression'];

/** The result of `expression`, and its gradients under a random cotangent. */
export const first = (name: string, inputs: readonly InputType[], expression: Expression): Case => ({
  name,
  inputs,
  expression,
  second: false,
});

/** The gradients of `expression`, and their gradients. */
export const second = (name: string, inputs: readonly InputType[], expression: Expression): Case => ({
  name: `second derivative of ${name}`,
  inputs,
  expression,
  second: true,
});
