/**
 * The one definition of resizing, used in training, in prediction and in the exported file.
 *
 * Images: a separable triangle filter, widened when shrinking so that no pixel is passed over (PIL's
 * BILINEAR; torchvision's `antialias=True`). With scale s = in/out, output pixel i has its centre at
 * c = (i + ½)·s, reach r = max(1, s), and weighs input pixel j by max(0, 1 − |j + ½ − c| / r), the weights of
 * a row divided by their sum, so that borders need no padding. Between the two passes nothing is rounded.
 *
 * Masks: nearest, output pixel i taking input pixel ⌊(i + ½)·in/out⌋ (PIL's NEAREST).
 */
import { ShapeError } from '../errors/index.js';
import type { ClassMask, PixelValues, Raster } from './raster.js';

/** The filter of one axis: output i is Σₖ weights[i·taps + k] · input[first[i] + k]. */
export interface ResizeTaps {
  readonly inputSize: number;
  readonly outputSize: number;
  /** Most input pixels that any output pixel uses; shorter rows are padded with zero weights. */
  readonly taps: number;
  /** First input pixel by output pixel; `first[i] + taps` never passes `inputSize`. */
  readonly first: Int32Array;
  /** outputSize × taps; every row sums to 1. */
  readonly weights: Float32Array;
}

/** Planes of numbers: C×H×W. */
export interface Planes {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/** A part of an image, in pixels of it; whole numbers. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const TAPS_CACHED = 512;
const tapsBySize = new Map<string, ResizeTaps>();

/** The taps that bring `inputSize` pixels to `outputSize`; computed once for a pair of sizes. */
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
  for (let i = 0; i < outputSize; i++) {
    const centre = (i + 0.5) * scale;
    const from = Math.max(0, Math.min(inputSize - taps, Math.floor(centre - reach - 0.5) + 1));
    first[i] = from;
    const row = Array.from({ length: taps }, (_, k) =>
      Math.max(0, 1 - Math.abs(from + k + 0.5 - centre) / reach),
    );
    const sum = row.reduce((total, weight) => total + weight, 0);
    row.forEach((weight, k) => (weights[i * taps + k] = weight / sum));
  }
  const made = { inputSize, outputSize, taps, first, weights };
  // Sizes repeat within a data set; one of many sizes must not grow the cache without end.
  if (tapsBySize.size >= TAPS_CACHED) tapsBySize.delete(tapsBySize.keys().next().value!);
  tapsBySize.set(key, made);
  return made;
}

/**
 * The same filter as a dense matrix, outputSize × inputSize in row-major order: a resize is
 * (rows of height) · image · (rows of width)ᵀ, which is how the exported file does it.
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
 * Resizes an image (or the `box` of it) to width × height and multiplies by `scale` (1/255 to bring bytes to
 * 0…1). Returns planes, C×H×W. Throws ShapeError for a size below 1 or a box that leaves the image.
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
      `A box of ${boxWidth}×${boxHeight} at ${x},${y} leaves the image of ${image.width}×${image.height}.`,
    );
  }
  const { channels } = image;
  const across = resizeTaps(boxWidth, width);
  const down = resizeTaps(boxHeight, height);
  const data = new Float32Array(channels * height * width);
  const line = new Float32Array(boxWidth * channels);
  const stride = image.width * channels;
  for (let row = 0; row < height; row++) {
    mixRows(image.data, (y + down.first[row]!) * stride + x * channels, stride, down, row, scale, line);
    mixColumns(line, channels, across, data, row * width, width * height);
  }
  return { width, height, channels, data };
}

/** One output row before the horizontal pass: weighted sum of `taps` input rows, still interleaved. */
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
  // Four rows at once keep the sums in registers; most resizes need no more than two such rounds.
  for (let k = 0; k < taps; k += 4) {
    const a = weights[at + k]! * scale;
    const b = k + 1 < taps ? weights[at + k + 1]! * scale : 0;
    const c = k + 2 < taps ? weights[at + k + 2]! * scale : 0;
    const d = k + 3 < taps ? weights[at + k + 3]! * scale : 0;
    const i0 = start + k * stride;
    // Rows without weight are read from row k again, so that nothing past the image is touched.
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

/** The horizontal pass of one row, from interleaved pixels to planes. */
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

/** Resizes planes (C×H×W) by the same filter: probabilities back to the source size, say. */
export function resizePlanes(planes: Planes, width: number, height: number): Planes {
  const { channels } = planes;
  const across = resizeTaps(planes.width, width);
  const down = resizeTaps(planes.height, height);
  const data = new Float32Array(channels * height * width);
  const line = new Float32Array(planes.width);
  for (let c = 0; c < channels; c++) {
    const plane = c * planes.height * planes.width;
    for (let row = 0; row < height; row++) {
      line.fill(0);
      for (let k = 0; k < down.taps; k++) {
        const weight = down.weights[row * down.taps + k]!;
        if (weight === 0) continue;
        const start = plane + (down.first[row]! + k) * planes.width;
        for (let x = 0; x < line.length; x++) line[x] = line[x]! + weight * planes.data[start + x]!;
      }
      mixColumns(line, 1, across, data, (c * height + row) * width, 0);
    }
  }
  return { width, height, channels, data };
}

/** Input pixel by output pixel of nearest resizing: ⌊(i + ½)·in/out⌋, in whole numbers and so exactly. */
export function nearestIndices(inputSize: number, outputSize: number): Int32Array {
  checkSize(inputSize);
  checkSize(outputSize);
  return Int32Array.from({ length: outputSize }, (_, i) =>
    Math.floor(((2 * i + 1) * inputSize) / (2 * outputSize)),
  );
}

/** Resizes a mask (or the `box` of it) to width × height, nearest: no value appears that was not there. */
export function resizeMask(mask: ClassMask, width: number, height: number, box?: Box): ClassMask {
  const {
    x,
    y,
    width: boxWidth,
    height: boxHeight,
  } = box ?? { x: 0, y: 0, width: mask.width, height: mask.height };
  if (x < 0 || y < 0 || x + boxWidth > mask.width || y + boxHeight > mask.height) {
    throw new ShapeError(
      `A box of ${boxWidth}×${boxHeight} at ${x},${y} leaves the mask of ${mask.width}×${mask.height}.`,
    );
  }
  const columns = nearestIndices(boxWidth, width);
  const rows = nearestIndices(boxHeight, height);
  const data = new Uint8Array(width * height);
  for (let row = 0, to = 0; row < height; row++) {
    const start = (y + rows[row]!) * mask.width + x;
    for (let column = 0; column < width; column++, to++) data[to] = mask.data[start + columns[column]!]!;
  }
  return { width, height, data };
}

function checkSize(size: number): void {
  if (!Number.isInteger(size) || size < 1) {
    throw new ShapeError(`A size of ${size} pixels; sizes are whole numbers of at least 1.`);
  }
}
