/** Nearest and bilinear resizing of planes, with PyTorch's coordinates. */
import { ShapeError } from '../../errors/index.js';
import { text } from '../../onnx/graph-builder.js';
import type { Operator, Tensor } from '../tensor.js';
import { apply1, atScope, constant, formatShape, requireFloat } from '../tensor.js';
import { mul } from './arithmetic.js';
import { matmul } from './matmul.js';
import { avgPool2d } from './pooling.js';

interface ResizeAttributes {
  readonly size: readonly [number, number];
  readonly mode: 'nearest' | 'bilinear';
  readonly alignCorners: boolean;
}

const resizeOperator: Operator<ResizeAttributes> = {
  name: 'resize',
  region({ inputs, outputs, attributes: { mode, alignCorners } }, _index, axis, range) {
    const [from, to] = [inputs[0]!.shape[axis]!, outputs[0]!.shape[axis]!];
    if (mode === 'nearest') return [Math.floor((range[0] * from) / to), Math.floor((range[1] * from) / to)];
    const place = (row: number) =>
      alignCorners ? (to === 1 ? 0 : (row * (from - 1)) / (to - 1)) : ((row + 0.5) * from) / to - 0.5;
    return [Math.floor(place(range[0])), Math.ceil(place(range[1]))];
  },
  infer([x], { size }) {
    requireFloat('resize', x!);
    if (x!.rank !== 4 || !size.every((n) => Number.isInteger(n) && n >= 1)) {
      throw new ShapeError(
        `resize needs N×C×H×W and a size of at least 1×1, not ${formatShape(x!.shape)} and ${size.join('×')}${atScope()}`,
      );
    }
    return [{ shape: [...x!.shape.slice(0, 2), ...size], dtype: 'float32' }];
  },
  lower({ inputs, attributes: { size, mode, alignCorners } }, onnx) {
    const x = inputs[0]!;
    const sizes = onnx.int64s([...x.shape.slice(0, 2), ...size]);
    const coordinates = mode === 'nearest' ? 'asymmetric' : alignCorners ? 'align_corners' : 'half_pixel';
    return [
      onnx.emit('Resize', [onnx.name(x), '', '', sizes], {
        mode: text(mode === 'nearest' ? 'nearest' : 'linear'),
        coordinate_transformation_mode: text(coordinates),
        ...(mode === 'nearest' && { nearest_mode: text('floor') }),
      }),
    ];
  },
  gradient({ inputs, attributes }, [g]) {
    const [h, w] = inputs[0]!.shape.slice(2) as [number, number];
    const factor = [attributes.size[0] / h, attributes.size[1] / w] as const;
    if (attributes.mode === 'nearest' && factor.every(Number.isInteger)) {
      // Each pixel was copied to a block: its gradient is the sum over the block.
      return [mul(avgPool2d(g!, factor), factor[0] * factor[1])];
    }
    // Resizing is linear and separable: y = R·x·Cᵀ, so the gradient is Rᵀ·g·C.
    const rows = interpolation(h, attributes.size[0], attributes);
    const columns = interpolation(w, attributes.size[1], attributes);
    return [matmul(rows, matmul(g!, columns), { transposeA: true })];
  },
};

/** The matrix (to × from) that resizes one axis. */
function interpolation(from: number, to: number, { mode, alignCorners }: ResizeAttributes): Tensor {
  const data = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    if (mode === 'nearest') {
      data[i * from + Math.min(from - 1, Math.floor((i * from) / to))] = 1;
      continue;
    }
    const exact = alignCorners ? (to === 1 ? 0 : (i * (from - 1)) / (to - 1)) : ((i + 0.5) * from) / to - 0.5;
    const at = Math.min(Math.max(exact, 0), from - 1);
    const low = Math.floor(at);
    data[i * from + low]! += 1 - (at - low);
    if (low + 1 < from) data[i * from + low + 1]! += at - low;
  }
  return constant(data, [to, from]);
}

/**
 * Resizes N×C×H×W to N×C×size. `nearest` takes pixel ⌊i·from/to⌋; `bilinear` interpolates between pixel
 * centres (with `alignCorners`, between the centres of the corner pixels).
 */
export function resize(
  x: Tensor,
  size: readonly [number, number],
  options: { readonly mode?: 'nearest' | 'bilinear'; readonly alignCorners?: boolean } = {},
): Tensor {
  const { mode = 'nearest', alignCorners = false } = options;
  if (x.shape[2] === size[0] && x.shape[3] === size[1]) return x;
  return apply1(resizeOperator, [x], { size, mode, alignCorners });
}
