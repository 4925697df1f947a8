/**
 * Convolution and its two transposes. All three come from one trilinear form, and so each is the gradient of the
 * others:
 *
 *   | operator                     | from                | gives                | gradients                                |
 *   | ---------------------------- | ------------------- | -------------------- | ---------------------------------------- |
 *   | conv2d(x, w)                 | N×C×H×W, O×C/g×k×k  | N×O×H'×W'            | convTranspose2d(g, w), filterGradient(x, g) |
 *   | convTranspose2d(y, w)        | N×O×H'×W', O×C/g×k×k | N×C×H×W             | conv2d(g, w), filterGradient(g, y)        |
 *   | filterGradient(x, y)         | N×C×H×W, N×O×H'×W'  | O×C/g×k×k            | convTranspose2d(y, g), conv2d(x, g)       |
 *
 * `convolution-lowering.ts` says how each is lowered for its target.
 */
import { ShapeError } from '../../errors/index.js';
import { absorbedByFilters } from '../channel-affine.js';
import type { SpatialAxis, Window } from '../region.js';
import { windowsBehind, windowsOver } from '../region.js';
import type { Operator, Shape, Tensor } from '../tensor.js';
import { apply1, atScope, constant, formatShape, requireFloat, sizeOf } from '../tensor.js';
import { lowerConv, lowerConvTranspose, lowerFilterGradient } from './convolution-lowering.js';
import { add } from './arithmetic.js';
import { reshape, sliceAll } from './layout.js';
import { sum } from './reduction.js';

/** A size of height and width, or one number for both. */
export type Pair = number | readonly [number, number];

export const pair = (value: Pair): readonly [number, number] =>
  typeof value === 'number' ? [value, value] : value;

export interface ConvGeometry {
  readonly stride: readonly [number, number];
  /** Zeros added on each side. */
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

export interface ConvOptions {
  /** Default 1. */
  readonly stride?: Pair;
  /** Zeros added on each side; default 0. */
  readonly padding?: Pair;
  /** Distance between the kernel's taps; default 1. */
  readonly dilation?: Pair;
  /** Groups of channels that are convolved separately; default 1. As many as channels: depthwise. */
  readonly groups?: number;
}

function geometry({ stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions): ConvGeometry {
  const g = { stride: pair(stride), padding: pair(padding), dilation: pair(dilation), groups };
  const whole = (n: number, least: number) => Number.isInteger(n) && n >= least;
  if (
    !g.stride.every((n) => whole(n, 1)) ||
    !g.padding.every((n) => whole(n, 0)) ||
    !g.dilation.every((n) => whole(n, 1)) ||
    !whole(groups, 1)
  ) {
    throw new ShapeError(
      `convolution needs whole numbers: stride ≥ 1, padding ≥ 0, dilation ≥ 1, groups ≥ 1, not ${JSON.stringify(g)}${atScope()}`,
    );
  }
  return g;
}

/** Rows (or columns) of a convolution's result. */
const outputSize = (size: number, kernel: number, g: ConvGeometry, i: 0 | 1) =>
  Math.floor((size + 2 * g.padding[i] - g.dilation[i] * (kernel - 1) - 1) / g.stride[i]) + 1;

function convShape(x: Shape, w: Shape, g: ConvGeometry): Shape {
  if (x.length !== 4 || w.length !== 4) {
    throw new ShapeError(
      `conv2d needs N×C×H×W and O×C×k×k, not ${formatShape(x)} and ${formatShape(w)}${atScope()}`,
    );
  }
  if (x[1] !== w[1]! * g.groups) {
    throw new ShapeError(
      `conv2d: the input has ${x[1]} channels, the weight ${formatShape(w)} is for ${w[1]! * g.groups}${g.groups > 1 ? ` (${g.groups} groups of ${w[1]})` : ''}${atScope()}`,
    );
  }
  if (w[0]! % g.groups !== 0) {
    throw new ShapeError(`conv2d: ${w[0]} output channels do not divide into ${g.groups} groups${atScope()}`);
  }
  const height = outputSize(x[2]!, w[2]!, g, 0);
  const width = outputSize(x[3]!, w[3]!, g, 1);
  if (height < 1 || width < 1) {
    const least = [0, 1].map((i) => g.dilation[i]! * (w[2 + i]! - 1) + 1 - 2 * g.padding[i]!);
    throw new ShapeError(
      `conv2d: an image of ${x[2]}×${x[3]} is too small for the kernel of ${w[2]}×${w[3]}: at least ${least.join('×')} works${atScope()}`,
    );
  }
  return [x[0]!, w[0]!, height, width];
}

/** The windows of a kernel along one axis. */
const windowOf = (weight: Tensor, { stride, padding, dilation }: ConvGeometry, axis: SpatialAxis): Window => {
  const i = axis === 2 ? 0 : 1;
  return { reach: dilation[i] * (weight.shape[axis]! - 1), stride: stride[i], padding: padding[i] };
};

export const convOperator: Operator<ConvGeometry> = {
  name: 'conv2d',
  region: ({ inputs, attributes: g }, index, axis, range) =>
    index === 0 ? windowsBehind(range, windowOf(inputs[1]!, g, axis)) : undefined,
  multiplyAdds: ({ inputs, outputs }) => outputs[0]!.size * sizeOf(inputs[1]!.shape.slice(1)),
  absorbAffine({ inputs }, valueOf, affine) {
    const [weight, bias] = inputs.slice(1) as [Tensor, Tensor | undefined];
    const [w, b] = [valueOf(weight), bias && valueOf(bias)];
    if (!w || (bias && !b)) return undefined;
    const folded = absorbedByFilters(w, b, affine);
    return [constant(folded.weight, weight.shape), constant(folded.bias, [folded.bias.length])];
  },
  infer([x, w, bias], g) {
    requireFloat('conv2d', x!, w!);
    const shape = convShape(x!.shape, w!.shape, g);
    if (bias && (bias.rank !== 1 || bias.shape[0] !== shape[1])) {
      throw new ShapeError(
        `conv2d: the bias must hold ${shape[1]} values, not ${formatShape(bias.shape)}${atScope()}`,
      );
    }
    return [{ shape, dtype: 'float32' }];
  },
  lower: (node, onnx) => [lowerConv(node, onnx)],
  recompute: { product: true, lower: (node, onnx) => [lowerConv(node, onnx, true)] },
  gradient({ inputs, attributes: g }, [gy]) {
    const [x, w, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
    return [
      convTransposeTo(gy!, w, x.shape, g),
      filterGradient(x, gy!, w.shape, g),
      bias && sum(gy!, [0, 2, 3]),
    ];
  },
};

/**
 * Two-dimensional convolution (cross-correlation, as everywhere in deep learning).
 *
 * @param x N×C×H×W
 * @param weight O×C/groups×kh×kw
 * @param bias O, optional
 * @returns N×O×H'×W'
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  return apply1(convOperator, bias ? [x, weight, bias] : [x, weight], geometry(options));
}

export interface ConvTransposeAttributes extends ConvGeometry {
  /** Rows and columns of the result. */
  readonly size: readonly [number, number];
}

/** Rows of a transposed convolution's result without output padding. */
const transposedSize = (size: number, kernel: number, g: ConvGeometry, i: 0 | 1) =>
  (size - 1) * g.stride[i] - 2 * g.padding[i] + g.dilation[i] * (kernel - 1) + 1;

export const convTransposeOperator: Operator<ConvTransposeAttributes> = {
  name: 'convTranspose2d',
  region: ({ inputs, attributes: g }, index, axis, range) =>
    index === 0 ? windowsOver(range, windowOf(inputs[1]!, g, axis)) : undefined,
  multiplyAdds: ({ inputs }) => inputs[0]!.size * sizeOf(inputs[1]!.shape.slice(1)),
  infer([x, w], g) {
    requireFloat('convTranspose2d', x!, w!);
    if (x!.rank !== 4 || w!.rank !== 4 || x!.shape[1] !== w!.shape[0] || w!.shape[0]! % g.groups !== 0) {
      throw new ShapeError(
        `convTranspose2d: the input ${formatShape(x!.shape)} has ${x!.shape[1]} channels, the weight ${formatShape(w!.shape)} is for ${w!.shape[0]} in ${g.groups} groups${atScope()}`,
      );
    }
    for (const i of [0, 1] as const) {
      const least = transposedSize(x!.shape[2 + i]!, w!.shape[2 + i]!, g, i);
      if (g.size[i] < Math.max(least, 1) || g.size[i] >= least + Math.max(g.stride[i], g.dilation[i])) {
        throw new ShapeError(
          `convTranspose2d: output padding must be at least 0 and less than stride or dilation; the size ${g.size.join('×')} is not reachable from ${formatShape(x!.shape)}${atScope()}`,
        );
      }
    }
    return [{ shape: [x!.shape[0]!, w!.shape[1]! * g.groups, ...g.size], dtype: 'float32' }];
  },
  lower: (node, onnx) => [lowerConvTranspose(node, onnx)],
  gradient({ inputs, attributes: g }, [gy]) {
    const [x, w] = inputs as [Tensor, Tensor];
    return [convTo(gy!, w, x.shape, g), filterGradient(gy!, x, w.shape, g)];
  },
};

/**
 * The convolution whose result has the given shape, N×C×H×W: the gradient of convTranspose2d's input. Where the output
 * padding is a whole stride or more (possible under dilation), the convolution has more rows, which are cut off.
 */
function convTo(
  x: Tensor,
  w: Tensor,
  shape: Shape,
  { stride, padding, dilation, groups }: ConvGeometry,
): Tensor {
  const y = apply1(convOperator, [x, w], { stride, padding, dilation, groups });
  return sliceAll(
    y,
    y.shape.map(() => 0),
    [y.shape[0]!, y.shape[1]!, shape[2]!, shape[3]!],
  );
}

/** The transposed convolution whose result has the given shape, N×C×H×W: the gradient of conv2d's input. */
function convTransposeTo(y: Tensor, w: Tensor, shape: Shape, g: ConvGeometry): Tensor {
  const { stride, padding, dilation, groups } = g;
  return apply1(convTransposeOperator, [y, w], {
    stride,
    padding,
    dilation,
    groups,
    size: [shape[2]!, shape[3]!],
  });
}

/**
 * Transposed convolution ("deconvolution", Zeiler et al. 2010), with PyTorch's conventions.
 *
 * @param x N×C×H×W
 * @param weight C×O/groups×kh×kw
 * @param bias O, optional
 * @param options `outputPadding`: rows and columns added at the end, less than the stride
 * @returns N×O×H'×W' with H' = (H − 1)·stride − 2·padding + dilation·(kh − 1) + outputPadding + 1
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options: ConvOptions & { readonly outputPadding?: Pair } = {},
): Tensor {
  const g = geometry(options);
  const extra = pair(options.outputPadding ?? 0);
  const size = ([0, 1] as const).map(
    (i) => transposedSize(x.shape[2 + i]!, weight.shape[2 + i]!, g, i) + extra[i],
  ) as [number, number];
  const y = apply1(convTransposeOperator, [x, weight], { ...g, size });
  return bias ? add(y, reshape(bias, [1, bias.size, 1, 1])) : y;
}

export interface FilterGradientAttributes extends ConvGeometry {
  readonly kernel: readonly [number, number];
}

export const filterGradientOperator: Operator<FilterGradientAttributes> = {
  name: 'filterGradient',
  infer([x, y], { kernel, groups }) {
    return [{ shape: [y!.shape[1]!, x!.shape[1]! / groups, ...kernel], dtype: 'float32' }];
  },
  lower: (node, onnx) => [lowerFilterGradient(node, onnx)],
  gradient({ inputs, attributes }, [gw]) {
    const [x, y] = inputs as [Tensor, Tensor];
    return [convTransposeTo(y, gw!, x.shape, attributes), convTo(x, gw!, y.shape, attributes)];
  },
};

/** The gradient of conv2d's weight, from its input `x` and the gradient `y` of its result. */
function filterGradient(x: Tensor, y: Tensor, weight: Shape, g: ConvGeometry): Tensor {
  const { stride, padding, dilation, groups } = g;
  const kernel = [weight[2]!, weight[3]!] as const;
  return apply1(filterGradientOperator, [x, y], { stride, padding, dilation, groups, kernel });
}
