/** Operators of one tensor without attributes, whose result has the input's shape and element type. */
import { ShapeError } from '../../errors/index.js';
import type { Lowering } from '../lowering.js';
import { pixelwise } from '../region.js';
import type { Operator, Tensor } from '../tensor.js';
import { apply1, atScope, requireFloat } from '../tensor.js';

type Lower = (x: string, onnx: Lowering) => string;
/** Computes the gradient of the input from the input, the result and the result's gradient. */
type Rule = (x: Tensor, y: Tensor, g: Tensor) => Tensor | undefined;

/** The element types that an operator accepts. */
type Accepted = 'float' | 'number' | 'bool' | 'any';

function checkType(name: string, x: Tensor, accepted: Accepted): void {
  if (accepted === 'float') requireFloat(name, x);
  if (accepted === 'any' || (accepted === 'bool') === (x.dtype === 'bool')) return;
  throw new ShapeError(
    `${name} needs ${accepted === 'bool' ? 'bool' : 'numbers'}, not ${x}: cast it${atScope()}`,
  );
}

export function unary(
  name: string,
  lower: string | Lower,
  rule: Rule,
  accepted: Accepted = 'float',
): Operator<null> {
  return {
    name,
    region: pixelwise,
    infer([x]) {
      checkType(name, x!, accepted);
      return [{ shape: x!.shape, dtype: x!.dtype }];
    },
    lower: ({ inputs }, onnx) => {
      const x = onnx.name(inputs[0]!);
      return [typeof lower === 'string' ? onnx.emit(lower, [x]) : lower(x, onnx)];
    },
    gradient: ({ inputs, outputs }, [g]) => [rule(inputs[0]!, outputs[0]!, g!)],
  };
}

/** The function that applies an operator of one input and no attributes. */
export const of = (operator: Operator<null>) => (x: Tensor) => apply1(operator, [x], null);
