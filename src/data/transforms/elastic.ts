/** Non-linear deformations: elastic (Simard et al. 2003) and grid distortion. */
import { UsageError } from '../../errors/index.js';
import { resizePlanes } from '../../images/resize.js';
import type { Random } from '../../random/index.js';
import { type PairedSample, sometimes, type Transform } from '../paired-sample.js';
import { gaussianFilter } from './gaussian.js';
import { warp } from './warp.js';
import { portable } from '../portable.js';

export interface ElasticOptions {
  /** Strength in pixels; default 120. The standard deviation of the displacements is alpha / (2·√(3π)·sigma). */
  readonly alpha?: number;
  /** Standard deviation of the smoothing in pixels; default 10. Larger values bend larger regions together. */
  readonly sigma?: number;
  readonly fill?: number;
  readonly p?: number;
}

/**
 * Displaces each pixel by alpha times uniform noise in ±1 that is smoothed with a Gaussian of `sigma` (Simard,
 * Steinkraus and Platt, "Best practices for convolutional neural networks", 2003, section 2.1).
 */
export const elastic = portable('elastic', (options: ElasticOptions = {}): Transform => {
  const { alpha = 120, sigma = 10, fill = 0, p = 1 } = options;
  if (!(alpha >= 0 && sigma > 0))
    throw new UsageError(
      `Elastic: alpha is ${alpha} and sigma is ${sigma}; alpha must be at least 0 and sigma above 0.`,
    );
  return sometimes(p, (sample, random) => {
    const { width, height } = sample;
    const dx = displacement(width, height, alpha, sigma, random);
    const dy = displacement(width, height, alpha, sigma, random);
    return displace(sample, dx, dy, fill);
  });
});

/** Samples `sample` at each pixel plus its displacement (`dx` and `dy`: H×W, in pixels). */
export function displace(sample: PairedSample, dx: Float32Array, dy: Float32Array, fill = 0): PairedSample {
  const { width } = sample;
  return warp(
    sample,
    (y, xs, ys) => {
      for (let x = 0, i = y * width; x < width; x++, i++) {
        xs[x] = x + 0.5 + dx[i]!;
        ys[x] = y + 0.5 + dy[i]!;
      }
    },
    fill,
  );
}

/**
 * Smoothed noise has no detail finer than sigma, so it is computed on a coarser grid with cells of sigma / 3
 * pixels and then enlarged. The amplitude is divided by the cell's side, because a cell averages side² noise
 * values.
 */
function displacement(
  width: number,
  height: number,
  alpha: number,
  sigma: number,
  random: Random,
): Float32Array {
  const cell = Math.max(1, Math.floor(sigma / 3));
  const [columns, rows] = [Math.ceil(width / cell) + 1, Math.ceil(height / cell) + 1];
  const noise = Float32Array.from({ length: columns * rows }, () => random.uniform(-1, 1));
  const smooth = gaussianFilter(noise, columns, rows, sigma / cell);
  const gain = alpha / cell;
  for (let i = 0; i < smooth.length; i++) smooth[i] = smooth[i]! * gain;
  if (cell === 1) return crop(smooth, columns, width, height);
  const planes = { width: columns, height: rows, channels: 1, data: smooth };
  return crop(resizePlanes(planes, columns * cell, rows * cell).data, columns * cell, width, height);
}

function crop(plane: Float32Array, stride: number, width: number, height: number): Float32Array {
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) out.set(plane.subarray(y * stride, y * stride + width), y * width);
  return out;
}

export interface GridDistortionOptions {
  /** Cells per axis; default 5. */
  readonly cells?: number;
  /** Maximum relative change of a cell's width, below 1; default 0.3. */
  readonly limit?: number;
  readonly p?: number;
}

/**
 * Divides each axis into cells, changes their widths at random and rescales them to fill the image, so that no
 * content leaves the image and no border enters it.
 */
export const gridDistortion = portable('gridDistortion', (options: GridDistortionOptions = {}): Transform => {
  const { cells = 5, limit = 0.3, p = 1 } = options;
  if (!Number.isInteger(cells) || cells < 2 || !(limit >= 0 && limit < 1)) {
    throw new UsageError(
      `Grid distortion: cells is ${cells} and limit is ${limit}; cells must be at least 2 and limit from 0 to below 1.`,
    );
  }
  return sometimes(p, (sample, random) => {
    const columnsX = axisCoordinates(sample.width, cells, limit, random);
    const rowsY = axisCoordinates(sample.height, cells, limit, random);
    return warp(
      sample,
      (y, xs, ys) => {
        xs.set(columnsX);
        ys.fill(rowsY[y]!);
      },
      0,
    );
  });
});

/** The input coordinate of each output pixel's centre along one axis. */
function axisCoordinates(length: number, cells: number, limit: number, random: Random): Float64Array {
  const bounds = new Float64Array(cells + 1);
  for (let cell = 0; cell < cells; cell++)
    bounds[cell + 1] = bounds[cell]! + random.uniform(1 - limit, 1 + limit);
  const gain = length / bounds[cells]!;
  return Float64Array.from({ length }, (_, i) => {
    const place = ((i + 0.5) * cells) / length;
    const cell = Math.min(cells - 1, Math.floor(place));
    return gain * (bounds[cell]! + (place - cell) * (bounds[cell + 1]! - bounds[cell]!));
  });
}
