/** Matrix products over the last two axes; each operand can be transposed. */
import { ShapeError } from '../../errors/index.js';
import { int } from '../../onnx/graph-builder.js';
import { WHOLE } from '../region.js';
import type { Operator, Tensor } from '../tensor.js';
import { apply1, atScope, formatShape, requireFloat } from '../tensor.js';
import { broadcastShapes, sumTo } from './arithmetic.js';

interface MatMulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

const swapLast = (rank: number) =>
  Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));

const matmulOperator: Operator<MatMulAttributes> = {
  name: 'matmul',
  // Rows of the result come from rows of a and all of b, columns from columns of b and all of a.
  region({ inputs, attributes }, index, axis, range) {
    const transposed = index === 0 ? attributes.transposeA : attributes.transposeB;
    if (transposed || inputs[index]!.rank !== 4) return undefined;
    return (axis === 2) === (index === 0) ? range : WHOLE;
  },
  multiplyAdds: ({ inputs: [a], outputs, attributes: { transposeA } }) =>
    outputs[0]!.size * a!.shape.at(transposeA ? -2 : -1)!,
  infer([a, b], { transposeA, transposeB }) {
    requireFloat('matmul', a!, b!);
    if (a!.rank < 2 || b!.rank < 2) {
      throw new ShapeError(
        `matmul needs matrices, not ${formatShape(a!.shape)} and ${formatShape(b!.shape)}${atScope()}`,
      );
    }
    const [m, ka] = transposeA ? [a!.shape.at(-1)!, a!.shape.at(-2)!] : [a!.shape.at(-2)!, a!.shape.at(-1)!];
    const [kb, n] = transposeB ? [b!.shape.at(-1)!, b!.shape.at(-2)!] : [b!.shape.at(-2)!, b!.shape.at(-1)!];
    if (ka !== kb) {
      throw new ShapeError(
        `matmul of ${formatShape(a!.shape)} and ${formatShape(b!.shape)}: the inner sizes ${ka} and ${kb} differ${atScope()}`,
      );
    }
    return [
      { shape: [...broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2)), m, n], dtype: 'float32' },
    ];
  },
  lower({ inputs, attributes: { transposeA, transposeB } }, onnx) {
    const [a, b] = inputs.map((t) => onnx.name(t)) as [string, string];
    if (!transposeA && !transposeB) return [onnx.emit('MatMul', [a, b])];
    if (onnx.target.fusedMatMul) {
      const flags = { transA: int(transposeA ? 1 : 0), transB: int(transposeB ? 1 : 0) };
      return [onnx.emit('FusedMatMul', [a, b], flags, { domain: 'com.microsoft' })];
    }
    return [
      onnx.emit('MatMul', [
        transposeA ? onnx.transpose(a, swapLast(inputs[0]!.rank)) : a,
        transposeB ? onnx.transpose(b, swapLast(inputs[1]!.rank)) : b,
      ]),
    ];
  },
  gradient({ inputs, attributes: { transposeA, transposeB } }, [g]) {
    const [a, b] = inputs as [Tensor, Tensor];
    const ga = transposeA
      ? matmul(b, g!, { transposeA: transposeB, transposeB: true })
      : matmul(g!, b, { transposeB: !transposeB });
    const gb = transposeB
      ? matmul(g!, a, { transposeA: true, transposeB: transposeA })
      : matmul(a, g!, { transposeA: !transposeA });
    return [sumTo(ga, a.shape), sumTo(gb, b.shape)];
  },
};

/** The matrix product a·b over the last two axes. The axes before them broadcast. */
export function matmul(a: Tensor, b: Tensor, options: Partial<MatMulAttributes> = {}): Tensor {
  return apply1(matmulOperator, [a, b], { transposeA: false, transposeB: false, ...options });
}
