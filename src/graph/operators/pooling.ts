/** Pooling over windows, and unpooling by the indices of max pooling. */
import { ShapeError } from '../../errors/index.js';
import type { Attributes } from '../../onnx/graph-builder.js';
import { int, ints, text } from '../../onnx/graph-builder.js';
import type { SpatialAxis, Window } from '../region.js';
import { windowsBehind, windowsOver } from '../region.js';
import type { Operator, Shape, Tensor } from '../tensor.js';
import { apply, apply1, atScope, constant, formatShape, requireFloat } from '../tensor.js';
import { add, equal, mul, where } from './arithmetic.js';
import type { Pair } from './convolution.js';
import { convTranspose2d, pair } from './convolution.js';
import { concat, pad, reshape, sliceAll, transpose } from './layout.js';
import { matmul } from './matmul.js';
import { mean, min, sum } from './reduction.js';

interface Windows {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

export interface PoolOptions {
  /** Distance between windows; default: the kernel's size, so that windows touch without overlapping. */
  readonly stride?: Pair;
  /** Rows and columns added on each side, at most half the kernel; default 0. */
  readonly padding?: Pair;
}

function windows(kernelSize: Pair, { stride = kernelSize, padding = 0 }: PoolOptions): Windows {
  const result = { kernel: pair(kernelSize), stride: pair(stride), padding: pair(padding) };
  const whole = (n: number, least: number) => Number.isInteger(n) && n >= least;
  const half = result.padding.every((p, i) => whole(p, 0) && 2 * p <= result.kernel[i]!);
  if (![...result.kernel, ...result.stride].every((n) => whole(n, 1)) || !half) {
    throw new ShapeError(
      `pooling needs kernel ≥ 1, stride ≥ 1 and padding of at most half the kernel, not ${JSON.stringify(result)}${atScope()}`,
    );
  }
  return result;
}

function pooledShape(x: Shape, { kernel, stride, padding }: Windows): Shape {
  if (x.length !== 4) throw new ShapeError(`pooling needs N×C×H×W, not ${formatShape(x)}${atScope()}`);
  const [h, w] = ([0, 1] as const).map(
    (i) => Math.floor((x[2 + i]! + 2 * padding[i] - kernel[i]) / stride[i]) + 1,
  );
  if (h! < 1 || w! < 1) {
    const least = kernel.map((k, i) => k - 2 * padding[i]!).join('×');
    throw new ShapeError(
      `pooling: an image of ${x[2]}×${x[3]} is smaller than one window: at least ${least} works${atScope()}`,
    );
  }
  return [x[0]!, x[1]!, h!, w!];
}

const poolAttributes = ({ kernel, stride, padding }: Windows): Attributes => ({
  kernel_shape: ints(kernel),
  strides: ints(stride),
  pads: ints([...padding, ...padding]),
});

/** The windows along one axis. */
const windowOf = ({ kernel, stride, padding }: Windows, axis: SpatialAxis): Window => {
  const i = axis === 2 ? 0 : 1;
  return { reach: kernel[i] - 1, stride: stride[i], padding: padding[i] };
};

const overlap = ({ kernel, stride }: Windows) => kernel.some((k, i) => k > stride[i]!);

/** The value at (i, j) in every window of a padded image: N×C×H'×W'. */
function tapOf(padded: Tensor, i: number, j: number, { stride }: Windows, h: number, w: number): Tensor {
  const lead = padded.shape.slice(0, 2);
  return sliceAll(
    padded,
    [0, 0, i, j],
    [...lead, i + stride[0] * (h - 1) + 1, j + stride[1] * (w - 1) + 1],
    [1, 1, ...stride],
  );
}

/** The positions in a window from the last to the first. */
function tapsBackwards({ kernel }: Windows): [number, number][] {
  const taps: [number, number][] = [];
  for (let i = kernel[0] - 1; i >= 0; i--) for (let j = kernel[1] - 1; j >= 0; j--) taps.push([i, j]);
  return taps;
}

/** The numbers 0 … H·W − 1 as a padded plane, 1×1×H×W; padding is −1. */
function planeNumbers(h: number, w: number, [top, left]: readonly [number, number]): Tensor {
  const width = w + 2 * left;
  const data = new Int32Array((h + 2 * top) * width).fill(-1);
  for (let i = 0; i < h; i++) for (let j = 0; j < w; j++) data[(i + top) * width + j + left] = i * w + j;
  return constant(data, [1, 1, h + 2 * top, width], 'int32');
}

/** Whether windows cover an image of this shape exactly, each pixel once. */
const tiles = ({ kernel, stride, padding }: Windows, shape: Shape) =>
  kernel.every((k, i) => k === stride[i] && padding[i] === 0 && shape[2 + i]! % k === 0);

/** The pixels of a tensor that windows tile, by row of windows, row in the window, window, column in the window. */
const inWindows = (x: Tensor, { kernel: [kh, kw] }: Windows) =>
  reshape(x, [x.size / (kh * x.shape[3]!), kh, x.shape[3]! / kw, kw]);

/** A value for each window, in the shape of {@link inWindows}. */
const perWindow = (y: Tensor) => reshape(y, [y.size / y.shape[3]!, 1, y.shape[3]!, 1]);

/** The numbers of the positions in a window, in the shape of {@link inWindows}. */
function positionNumbers({ kernel: [kh, kw] }: Windows): Tensor {
  const numbers = Int32Array.from({ length: kh * kw }, (_, i) => i);
  return constant(numbers, [1, kh, 1, kw], 'int32');
}

/**
 * The indices for targets whose MaxPool does not return them: of the first pixel, in reading order, that equals the
 * maximum. Where windows tile the image, its position in the window.
 */
function indicesByComparison(x: Tensor, y: Tensor, attributes: Windows): Tensor {
  const { kernel, padding } = attributes;
  if (tiles(attributes, x.shape)) {
    const largest = equal(inWindows(x, attributes), perWindow(y));
    return reshape(min(where(largest, positionNumbers(attributes), kernel[0] * kernel[1]), [1, 3]), y.shape);
  }
  const [, , h, w] = y.shape as [number, number, number, number];
  const edge = [0, 0, ...padding];
  const padded = pad(x, edge, edge, -3.4e38);
  const numbers = planeNumbers(x.shape[2]!, x.shape[3]!, padding);
  return tapsBackwards(attributes).reduce<Tensor>(
    (found, [i, j]) =>
      where(equal(tapOf(padded, i, j, attributes, h, w), y), tapOf(numbers, i, j, attributes, h, w), found),
    constant(Int32Array.of(0), [1, 1, 1, 1], 'int32'),
  );
}

const maxPoolOperator: Operator<Windows> = {
  name: 'maxPool2d',
  region: ({ attributes }, _index, axis, range) => windowsBehind(range, windowOf(attributes, axis)),
  infer([x], attributes) {
    requireFloat('maxPool2d', x!);
    const shape = pooledShape(x!.shape, attributes);
    return [
      { shape, dtype: 'float32' },
      { shape, dtype: 'int64' },
    ];
  },
  lower({ inputs, outputs, attributes }, onnx) {
    const x = onnx.name(inputs[0]!);
    const indicesWanted = onnx.uses(outputs[1]!) > 0;
    if (!indicesWanted) return [onnx.emit('MaxPool', [x], poolAttributes(attributes))];
    if (onnx.target.indexedPooling) return onnx.emitMany('MaxPool', [x], 2, poolAttributes(attributes));
    const y = onnx.emit('MaxPool', [x], poolAttributes(attributes));
    onnx.bind(outputs[0]!, y);
    return [y, onnx.compose([inputs[0]!, outputs[0]!], (a, b) => indicesByComparison(a, b, attributes))];
  },
  gradient({ inputs, outputs, attributes }, [g]) {
    return [g && unpool(g, outputs[1]!, inputs[0]!.shape, attributes)];
  },
};

interface UnpoolAttributes extends Windows {
  readonly shape: Shape;
}

const unpoolOperator: Operator<UnpoolAttributes> = {
  name: 'maxUnpool2d',
  region: ({ attributes }, _index, axis, range) => windowsOver(range, windowOf(attributes, axis)),
  infer: (_, { shape }) => [{ shape, dtype: 'float32' }],
  lower({ inputs, attributes }, onnx) {
    const [x, indices] = inputs as [Tensor, Tensor];
    const { shape } = attributes;
    if (!onnx.target.indexedPooling) {
      return [onnx.compose([x, indices], (a, b) => unpoolByComparison(a, b, attributes))];
    }
    if (!overlap(attributes) && attributes.padding.every((p) => p === 0)) {
      // MaxUnpool assigns instead of adding: right as long as no two windows share a pixel. With padding it refuses
      // some sizes that MaxPool accepts.
      const size = onnx.int64s(shape);
      return [onnx.emit('MaxUnpool', [onnx.name(x), onnx.name(indices), size], poolAttributes(attributes))];
    }
    const flat = (t: Tensor) => onnx.reshape(onnx.name(t), [x.size]);
    const zeros = onnx.emit('Expand', [onnx.scalar(0), onnx.int64s([shape.reduce((a, b) => a * b, 1)])]);
    const sums = onnx.emit('ScatterElements', [zeros, flat(indices), flat(x)], {
      axis: int(0),
      reduction: text('add'),
    });
    return [onnx.reshape(sums, shape)];
  },
  gradient({ inputs, attributes }, [g]) {
    return [apply1(pickOperator, [g!, inputs[1]!], attributes), undefined];
  },
};

/** Adds every window's value to the pixel of its index. */
function unpoolByComparison(x: Tensor, indices: Tensor, attributes: UnpoolAttributes): Tensor {
  const { kernel, stride, padding, shape } = attributes;
  const [n, c, h, w] = x.shape as [number, number, number, number];
  if (tiles(attributes, shape)) {
    const here = equal(perWindow(indices), positionNumbers(attributes));
    return reshape(where(here, perWindow(x), 0), shape);
  }
  const [H, W] = [shape[2]!, shape[3]!];
  const numbers = planeNumbers(H, W, padding);
  const parts = tapsBackwards(attributes)
    .reverse()
    .map(([i, j]) => {
      const here = equal(indices, tapOf(numbers, i, j, attributes, h, w));
      return where(here, x, 0);
    });
  if (!overlap(attributes) && padding[0] + padding[1] === 0 && kernel.every((k, i) => k === stride[i])) {
    // Windows touch without overlapping: the positions interleave.
    const stacked = reshape(concat(parts, 1), [n, ...kernel, c, h, w]);
    const grid = reshape(transpose(stacked, [0, 3, 4, 1, 5, 2]), [n, c, h * kernel[0], w * kernel[1]]);
    return pad(grid, [0, 0, 0, 0], [0, 0, H - grid.shape[2]!, W - grid.shape[3]!]);
  }
  // In general: a transposed convolution of each position with a kernel that has a single 1.
  const ones = (i: number, j: number) => {
    const one = new Float32Array(kernel[0] * kernel[1]);
    one[i * kernel[1] + j] = 1;
    return constant(one, [1, 1, ...kernel]);
  };
  const places = parts.map((part, k) => {
    const [i, j] = [Math.floor(k / kernel[1]), k % kernel[1]];
    const extra = [0, 1].map(
      (a) => [H, W][a]! - (([h, w][a]! - 1) * stride[a]! - 2 * padding[a]! + kernel[a]!),
    ) as [number, number];
    const planes = reshape(part, [n * c, 1, h, w]);
    return convTranspose2d(planes, ones(i, j), undefined, { stride, padding, outputPadding: extra });
  });
  return reshape(
    places.reduce((a, b) => add(a, b)),
    shape,
  );
}

const pickOperator: Operator<UnpoolAttributes> = {
  name: 'pickPooled',
  infer: ([, indices]) => [{ shape: indices!.shape, dtype: 'float32' }],
  lower({ inputs, attributes }, onnx) {
    const [x, indices] = inputs as [Tensor, Tensor];
    if (onnx.target.indexedPooling) {
      const flat = onnx.reshape(onnx.name(x), [x.size]);
      return [onnx.emit('Gather', [flat, onnx.name(indices)], { axis: int(0) })];
    }
    return [onnx.compose([x, indices], (a, b) => pickByComparison(a, b, attributes))];
  },
  gradient({ inputs, attributes }, [g]) {
    return [apply1(unpoolOperator, [g!, inputs[1]!], attributes), undefined];
  },
};

function pickByComparison(x: Tensor, indices: Tensor, attributes: UnpoolAttributes): Tensor {
  const { padding } = attributes;
  if (tiles(attributes, x.shape)) {
    const here = equal(perWindow(indices), positionNumbers(attributes));
    return reshape(sum(where(here, inWindows(x, attributes), 0), [1, 3]), indices.shape);
  }
  const [, , h, w] = indices.shape as [number, number, number, number];
  const edge = [0, 0, ...padding];
  const padded = pad(x, edge, edge);
  const numbers = planeNumbers(x.shape[2]!, x.shape[3]!, padding);
  return tapsBackwards(attributes)
    .map(([i, j]) =>
      where(equal(indices, tapOf(numbers, i, j, attributes, h, w)), tapOf(padded, i, j, attributes, h, w), 0),
    )
    .reduce((a, b) => add(a, b));
}

function unpool(x: Tensor, indices: Tensor, shape: Shape, { kernel, stride, padding }: Windows): Tensor {
  return apply1(unpoolOperator, [x, indices], { kernel, stride, padding, shape });
}

/**
 * Max pooling. Where a window has equal maxima, the first in reading order counts, as in PyTorch.
 *
 * @param x N×C×H×W
 * @returns `values` (N×C×H'×W'), and `indices` of their pixels for {@link maxUnpool2d}. The indices' meaning depends on
 *   the target: use them for unpooling only.
 */
export function maxPool2dWithIndices(
  x: Tensor,
  kernelSize: Pair,
  options: PoolOptions = {},
): { values: Tensor; indices: Tensor } {
  const [values, indices] = apply(maxPoolOperator, [x], windows(kernelSize, options));
  return { values: values!, indices: indices! };
}

/** Max pooling of N×C×H×W. Where a window has equal maxima, the first in reading order counts. */
export function maxPool2d(x: Tensor, kernelSize: Pair, options: PoolOptions = {}): Tensor {
  return maxPool2dWithIndices(x, kernelSize, options).values;
}

/**
 * Writes pooled values to the pixels in `indices`, where the maxima were, and zeros elsewhere (SegNet, Badrinarayanan et
 * al. 2017). Where windows overlap, the values of one pixel are added.
 *
 * @param x N×C×h×w
 * @param indices from {@link maxPool2dWithIndices} with the same windows
 * @param options `size`: height and width of the result, those of the tensor that was pooled
 */
export function maxUnpool2d(
  x: Tensor,
  indices: Tensor,
  kernelSize: Pair,
  options: PoolOptions & { readonly size: readonly [number, number] },
): Tensor {
  const shape = [x.shape[0]!, x.shape[1]!, ...options.size];
  const geometry = windows(kernelSize, options);
  const back = pooledShape(shape, geometry);
  if (back.some((n, i) => n !== x.shape[i] || n !== indices.shape[i])) {
    throw new ShapeError(
      `maxUnpool2d: ${formatShape(x.shape)} with indices ${formatShape(indices.shape)} does not unpool to ${formatShape(shape)}, which pools to ${formatShape(back)}${atScope()}`,
    );
  }
  return unpool(x, indices, shape, geometry);
}

interface AverageAttributes extends Windows {
  readonly countIncludePad: boolean;
}

const averagePoolOperator: Operator<AverageAttributes> = {
  name: 'avgPool2d',
  region: ({ attributes }, _index, axis, range) => windowsBehind(range, windowOf(attributes, axis)),
  infer([x], attributes) {
    requireFloat('avgPool2d', x!);
    return [{ shape: pooledShape(x!.shape, attributes), dtype: 'float32' }];
  },
  lower({ inputs, attributes }, onnx) {
    return [
      onnx.emit('AveragePool', [onnx.name(inputs[0]!)], {
        ...poolAttributes(attributes),
        count_include_pad: int(attributes.countIncludePad ? 1 : 0),
      }),
    ];
  },
  gradient({ inputs, outputs, attributes }, [g]) {
    const { kernel, stride, padding } = attributes;
    const x = inputs[0]!;
    const [, , h, w] = outputs[0]!.shape as [number, number, number, number];
    const shares = mul(g!, inverseCounts(x.shape, outputs[0]!.shape, attributes));
    const extra = [0, 1].map(
      (i) => x.shape[2 + i]! - (([h, w][i]! - 1) * stride[i]! - 2 * padding[i]! + kernel[i]!),
    ) as [number, number];
    const planes = reshape(shares, [x.shape[0]! * x.shape[1]!, 1, h, w]);
    const spread = convTranspose2d(planes, onesKernel(1, kernel), undefined, {
      stride,
      padding,
      // Rows after the last window are in no window.
      outputPadding: extra.map((e, i) => Math.min(e, stride[i]! - 1)) as [number, number],
    });
    return [reshape(spread, x.shape)];
  },
};

const onesKernel = (channels: number, kernel: readonly [number, number]) =>
  constant(new Float32Array(channels * kernel[0] * kernel[1]).fill(1), [channels, 1, ...kernel]);

/** 1 ÷ the number of pixels that each window averages, 1×1×H'×W'. */
function inverseCounts(
  x: Shape,
  y: Shape,
  { kernel, stride, padding, countIncludePad }: AverageAttributes,
): Tensor {
  const along = (i: 0 | 1) =>
    Array.from({ length: y[2 + i]! }, (_, k) => {
      const start = k * stride[i] - padding[i];
      const low = countIncludePad ? -padding[i] : 0;
      const high = x[2 + i]! + (countIncludePad ? padding[i] : 0);
      return Math.min(start + kernel[i], high) - Math.max(start, low);
    });
  const columns = along(1);
  const counts = along(0).flatMap((rows) => columns.map((n) => 1 / (rows * n)));
  return constant(Float32Array.from(counts), [1, 1, y[2]!, y[3]!]);
}

/** Average pooling of N×C×H×W. Padding counts as zeros unless `countIncludePad` is false. */
export function avgPool2d(
  x: Tensor,
  kernelSize: Pair,
  options: PoolOptions & { readonly countIncludePad?: boolean } = {},
): Tensor {
  const { countIncludePad = true } = options;
  return apply1(averagePoolOperator, [x], { ...windows(kernelSize, options), countIncludePad });
}

/** The mean of each plane: N×C×H×W to N×C×1×1. */
export function globalAvgPool2d(x: Tensor): Tensor {
  return mean(x, [2, 3], true);
}

/**
 * Average pooling to a given size: N×C×H×W to N×C×size. As in PyTorch, row i of the result is the mean of rows ⌊i·H/H'⌋ to ⌈(i + 1)·H/H'⌉ (not included); these windows overlap where H' does not divide H.
 */
export function adaptiveAvgPool2d(x: Tensor, size: Pair): Tensor {
  const to = pair(size);
  if (x.rank !== 4 || !to.every((n) => Number.isInteger(n) && n >= 1)) {
    throw new ShapeError(
      `adaptiveAvgPool2d needs N×C×H×W and a size of at least 1×1, not ${formatShape(x.shape)} and ${to.join('×')}${atScope()}`,
    );
  }
  const [h, w] = x.shape.slice(2) as [number, number];
  if (to[0] === 1 && to[1] === 1) return globalAvgPool2d(x);
  if (h % to[0] === 0 && w % to[1] === 0) return avgPool2d(x, [h / to[0], w / to[1]]);
  return matmul(averages(h, to[0]), matmul(x, averages(w, to[1]), { transposeB: true }));
}

/** The matrix (to × from) that averages one axis. */
function averages(from: number, to: number): Tensor {
  const data = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const start = Math.floor((i * from) / to);
    const end = Math.ceil(((i + 1) * from) / to);
    data.fill(1 / (end - start), i * from + start, i * from + end);
  }
  return constant(data, [to, from]);
}
