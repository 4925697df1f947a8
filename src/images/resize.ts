/**
 * Resizing of images and masks, used in training, prediction and the exported file.
 *
 * Images: a separable triangle filter with antialiasing (PIL's BILINEAR; torchvision's `antialias=True`). With
 * scale s = in/out, output pixel i has the centre c = (i + ½)·s and the radius r = max(1, s). The weight of input
 * pixel j is max(0, 1 − |j + ½ − c| / r), divided by the sum of the weights of i, so that borders need no
 * padding. Values are not rounded between the two passes.
 *
 * Masks: nearest neighbour, output pixel i = input pixel ⌊(i + ½)·in/out⌋ (PIL's NEAREST).
 */
import { ShapeError } from '../errors/index.js';
import { likeMask, type MaskPixels, type PixelValues, type Raster } from './raster.js';

/** The filter of one axis: output i is Σₖ weights[i·taps + k] · input[first[i] + k]. */
export interface ResizeTaps {
  readonly inputSize: number;
  readonly outputSize: number;
  /** Maximum number of input pixels per output pixel; shorter rows are padded with zero weights. */
  readonly taps: number;
  /** First input pixel of each output pixel; `first[i] + taps` ≤ `inputSize`. */
  readonly first: Int32Array;
  /** outputSize × taps; every row sums to 1. */
  readonly weights: Float32Array;
}

/** Floating-point planes, C×H×W. */
export interface Planes {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/** A rectangle in an image, in whole pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const MAX_CACHED_FILTERS = 512;
/** Larger filters are not cached: images of many sizes would fill the memory with them. */
const MAX_CACHED_WEIGHTS = 2 ** 16;
const tapsBySize = new Map<string, ResizeTaps>();

/** The filter that resizes `inputSize` pixels to `outputSize`; cached by size. */
export function resizeTaps(inputSize: number, outputSize: number): ResizeTaps {
  checkSize(inputSize);
  checkSize(outputSize);
  const key = `${inputSize}>${outputSize}`;
  const known = tapsBySize.get(key);
  if (known !== undefined) return known;
  const scale = inputSize / outputSize;
  const reach = Math.max(1, scale);
  const taps = Math.min(inputSize, Math.ceil(2 * reach));
  const first = new Int32Array(outputSize);
  const weights = new Float32Array(outputSize * taps);
  const row = new Float64Array(taps);
  for (let i = 0; i < outputSize; i++) {
    const centre = (i + 0.5) * scale;
    const from = Math.max(0, Math.min(inputSize - taps, Math.floor(centre - reach - 0.5) + 1));
    first[i] = from;
    let sum = 0;
    for (let k = 0; k < taps; k++) {
      sum += row[k] = Math.max(0, 1 - Math.abs(from + k + 0.5 - centre) / reach);
    }
    for (let k = 0; k < taps; k++) weights[i * taps + k] = row[k]! / sum;
  }
  const made = { inputSize, outputSize, taps, first, weights };
  if (weights.length > MAX_CACHED_WEIGHTS) return made;
  // Limits the cache for data sets with many different sizes.
  if (tapsBySize.size >= MAX_CACHED_FILTERS) tapsBySize.delete(tapsBySize.keys().next().value!);
  tapsBySize.set(key, made);
  return made;
}

/**
 * The same filter as a dense matrix, outputSize × inputSize in row-major order: resizing is M_height · image ·
 * M_widthᵀ, as in the exported file.
 */
export function resizeMatrix(inputSize: number, outputSize: number): Float32Array {
  const { taps, first, weights } = resizeTaps(inputSize, outputSize);
  const matrix = new Float32Array(outputSize * inputSize);
  for (let i = 0; i < outputSize; i++) {
    for (let k = 0; k < taps; k++) matrix[i * inputSize + first[i]! + k] = weights[i * taps + k]!;
  }
  return matrix;
}

/**
 * Resizes an image (or the `box` of it) to width × height and multiplies by `scale` (1/255 maps bytes to 0…1).
 * @returns planes, C×H×W.
 * @throws ShapeError for a size below 1 or a box outside the image.
 */
export function resizeImage(image: Raster, width: number, height: number, scale = 1, box?: Box): Planes {
  const {
    x,
    y,
    width: boxWidth,
    height: boxHeight,
  } = box ?? { x: 0, y: 0, width: image.width, height: image.height };
  if (x < 0 || y < 0 || x + boxWidth > image.width || y + boxHeight > image.height) {
    throw new ShapeError(
      `A box of ${boxWidth}×${boxHeight} at ${x},${y} is not inside the image of ${image.width}×${image.height}.`,
    );
  }
  const { channels } = image;
  const horizontal = resizeTaps(boxWidth, width);
  const vertical = resizeTaps(boxHeight, height);
  const data = new Float32Array(channels * height * width);
  const line = new Float32Array(boxWidth * channels);
  const stride = image.width * channels;
  for (let row = 0; row < height; row++) {
    mixRows(
      image.data,
      (y + vertical.first[row]!) * stride + x * channels,
      stride,
      vertical,
      row,
      scale,
      line,
    );
    mixColumns(line, channels, horizontal, data, row * width, width * height);
  }
  return { width, height, channels, data };
}

/** Vertical pass for one output row: the weighted sum of `taps` input rows, still interleaved. */
function mixRows(
  source: PixelValues,
  start: number,
  stride: number,
  { taps, weights }: ResizeTaps,
  row: number,
  scale: number,
  line: Float32Array,
): void {
  const length = line.length;
  const at = row * taps;
  // Four rows per iteration keep the sums in registers. Most resizes need at most two iterations.
  for (let k = 0; k < taps; k += 4) {
    const a = weights[at + k]! * scale;
    const b = k + 1 < taps ? weights[at + k + 1]! * scale : 0;
    const c = k + 2 < taps ? weights[at + k + 2]! * scale : 0;
    const d = k + 3 < taps ? weights[at + k + 3]! * scale : 0;
    const i0 = start + k * stride;
    // Rows with zero weight read row k again, so that nothing outside the image is read.
    const i1 = b === 0 ? i0 : i0 + stride;
    const i2 = c === 0 ? i0 : i0 + 2 * stride;
    const i3 = d === 0 ? i0 : i0 + 3 * stride;
    if (k === 0) {
      if (d === 0) {
        for (let i = 0; i < length; i++) {
          line[i] = a * source[i0 + i]! + b * source[i1 + i]! + c * source[i2 + i]!;
        }
      } else {
        for (let i = 0; i < length; i++) {
          line[i] = a * source[i0 + i]! + b * source[i1 + i]! + c * source[i2 + i]! + d * source[i3 + i]!;
        }
      }
    } else if (b === 0 && c === 0 && d === 0) {
      if (a !== 0) for (let i = 0; i < length; i++) line[i] = line[i]! + a * source[i0 + i]!;
    } else {
      for (let i = 0; i < length; i++) {
        line[i] =
          line[i]! + (a * source[i0 + i]! + b * source[i1 + i]! + c * source[i2 + i]! + d * source[i3 + i]!);
      }
    }
  }
}

/** Horizontal pass for one row, from interleaved pixels to planes. */
function mixColumns(
  line: Float32Array,
  channels: number,
  { outputSize, taps, first, weights }: ResizeTaps,
  out: Float32Array,
  at: number,
  plane: number,
): void {
  if (channels === 3) {
    for (let x = 0, w = 0; x < outputSize; x++) {
      let i = first[x]! * 3;
      let red = 0;
      let green = 0;
      let blue = 0;
      for (const end = w + taps; w < end; w++, i += 3) {
        const weight = weights[w]!;
        red += weight * line[i]!;
        green += weight * line[i + 1]!;
        blue += weight * line[i + 2]!;
      }
      out[at + x] = red;
      out[at + plane + x] = green;
      out[at + 2 * plane + x] = blue;
    }
    return;
  }
  for (let c = 0; c < channels; c++) {
    for (let x = 0, w = 0; x < outputSize; x++) {
      let i = first[x]! * channels + c;
      let sum = 0;
      for (const end = w + taps; w < end; w++, i += channels) sum += weights[w]! * line[i]!;
      out[at + c * plane + x] = sum;
    }
  }
}

/** Resizes planes (C×H×W) with the same filter, for example probabilities to the original size. */
export function resizePlanes(planes: Planes, width: number, height: number): Planes {
  const { channels } = planes;
  const horizontal = resizeTaps(planes.width, width);
  const vertical = resizeTaps(planes.height, height);
  const data = new Float32Array(channels * height * width);
  const line = new Float32Array(planes.width);
  for (let c = 0; c < channels; c++) {
    const plane = c * planes.height * planes.width;
    for (let row = 0; row < height; row++) {
      line.fill(0);
      for (let k = 0; k < vertical.taps; k++) {
        const weight = vertical.weights[row * vertical.taps + k]!;
        if (weight === 0) continue;
        const start = plane + (vertical.first[row]! + k) * planes.width;
        for (let x = 0; x < line.length; x++) line[x] = line[x]! + weight * planes.data[start + x]!;
      }
      mixColumns(line, 1, horizontal, data, (c * height + row) * width, 0);
    }
  }
  return { width, height, channels, data };
}

/** Input pixel of each output pixel in nearest resizing: ⌊(i + ½)·in/out⌋, computed exactly with integers. */
export function nearestIndices(inputSize: number, outputSize: number): Int32Array {
  checkSize(inputSize);
  checkSize(outputSize);
  return Int32Array.from({ length: outputSize }, (_, i) =>
    Math.floor(((2 * i + 1) * inputSize) / (2 * outputSize)),
  );
}

/** Resizes a mask (or the `box` of it) to width × height, with nearest-neighbour interpolation. */
export function resizeMask<T extends MaskPixels>(
  mask: { readonly width: number; readonly height: number; readonly data: T },
  width: number,
  height: number,
  box?: Box,
): { readonly width: number; readonly height: number; readonly data: T } {
  const {
    x,
    y,
    width: boxWidth,
    height: boxHeight,
  } = box ?? { x: 0, y: 0, width: mask.width, height: mask.height };
  if (x < 0 || y < 0 || x + boxWidth > mask.width || y + boxHeight > mask.height) {
    throw new ShapeError(
      `A box of ${boxWidth}×${boxHeight} at ${x},${y} is not inside the mask of ${mask.width}×${mask.height}.`,
    );
  }
  const columns = nearestIndices(boxWidth, width);
  const rows = nearestIndices(boxHeight, height);
  const data = likeMask(mask.data, width * height);
  for (let row = 0, to = 0; row < height; row++) {
    const start = (y + rows[row]!) * mask.width + x;
    for (let column = 0; column < width; column++, to++) data[to] = mask.data[start + columns[column]!]!;
  }
  return { width, height, data };
}

function checkSize(size: number): void {
  if (!Number.isInteger(size) || size < 1) {
    throw new ShapeError(`The size is ${size} pixels; it must be a whole number of at least 1.`);
  }
}
