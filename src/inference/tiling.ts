/**
 * An image seen tile by tile, at a resolution of one's choice and in memory that does not grow with its
 * height. Tiles overlap, and where they do their probabilities are averaged with Gaussian weights of
 * σ = tile/8 around each tile's centre, since a network knows least at its borders (Isensee et al., nnU-Net,
 * 2021; the even spacing of tiles, too). The weight of a tile is a product of a row's and a column's, and
 * so the sums by which they are divided are known for each axis alone.
 */
import { UsageError } from '../errors/index.js';
import { makePixels, maxValueOf, type Raster } from '../images/raster.js';
import type { Planes } from '../images/resize.js';
import { inOrder } from './in-order.js';

/** Pixels that are read part by part. */
export interface PixelSource {
  readonly width: number;
  readonly height: number;
  /** Rows `top` to `top + rows`, all columns. */
  rows(top: number, rows: number): Promise<Raster>;
}

/** An image in memory as a source. */
export function sourceOf(image: Raster): PixelSource {
  const { width, height, channels, data } = image;
  const line = width * channels;
  return {
    width,
    height,
    async rows(top, rows) {
      return { width, height: rows, channels, data: data.subarray(top * line, (top + rows) * line) };
    },
  };
}

export interface TileGrid {
  readonly height: number;
  readonly width: number;
  /** Share of a tile that neighbours at least have in common, 0 … below 1. */
  readonly overlap: number;
}

/** Shares of a tile that neighbours have in common unless said otherwise: half, as in nnU-Net. */
export const DEFAULT_OVERLAP = 0.5;

/** Where tiles of `tile` pixels begin on an axis of `size`: evenly spaced, the last at the edge. */
export function tileStarts(size: number, tile: number, overlap: number): number[] {
  if (size <= tile) return [0];
  const count = Math.ceil((size - tile) / (tile * (1 - overlap))) + 1;
  return Array.from({ length: count }, (_, i) => Math.round((i * (size - tile)) / (count - 1)));
}

/**
 * The weights of each tile's pixels on one axis. Over all tiles that hold a pixel of the image they sum to 1.
 */
export function blendWeights(size: number, tile: number, starts: readonly number[]): Float32Array[] {
  const sigma = tile / 8;
  const bell = Float64Array.from({ length: tile }, (_, i) =>
    Math.exp(-0.5 * ((i - (tile - 1) / 2) / sigma) ** 2),
  );
  const sums = new Float64Array(Math.max(size, tile));
  for (const start of starts) bell.forEach((weight, i) => (sums[start + i]! += weight));
  return starts.map((start) => Float32Array.from(bell, (weight, i) => weight / sums[start + i]!));
}

/**
 * Sees an image tile by tile and hands out blended planes from the top down.
 *
 * @param look gives the planes of one tile, at the tile's size. A tile larger than the image is filled by
 *   repeating the image's last pixels.
 * @param emit takes rows `top` … of C×rows×width.
 */
export async function overTiles(
  source: PixelSource,
  grid: TileGrid,
  look: (tile: Raster) => Promise<Planes>,
  emit: (top: number, strip: Planes) => void | Promise<void>,
): Promise<void> {
  checkGrid(grid);
  const { width, height } = source;
  const tops = tileStarts(height, grid.height, grid.overlap);
  const lefts = tileStarts(width, grid.width, grid.overlap);
  const rowWeights = blendWeights(height, grid.height, tops);
  const columnWeights = blendWeights(width, grid.width, lefts);
  const stripRows = Math.min(height, grid.height);
  let sums: Planes | undefined;
  for (const [i, top] of tops.entries()) {
    const strip = await source.rows(top, stripRows);
    let j = 0;
    // The next tile is looked at while one is blended.
    for await (const planes of inOrder(lefts, 1, (left) => look(cutTile(strip, left, grid)))) {
      sums ??= {
        width,
        height: stripRows,
        channels: planes.channels,
        data: new Float32Array(planes.channels * stripRows * width),
      };
      addWeighted(planes, rowWeights[i]!, columnWeights[j]!, lefts[j]!, sums);
      j++;
    }
    // Rows above the next tiles have seen all of theirs.
    const done = (tops[i + 1] ?? height) - top;
    await emit(top, takeRows(sums!, done));
  }
}

function checkGrid({ height, width, overlap }: TileGrid): void {
  for (const side of [height, width]) {
    if (!Number.isInteger(side) || side < 8) {
      throw new UsageError(
        `Tiles of ${height}×${width}; the sides of a tile are whole numbers from 8 pixels.`,
      );
    }
  }
  if (!(overlap >= 0 && overlap <= 0.9)) {
    throw new UsageError(`Tiles overlap by ${overlap} of their side; the share is from 0 to 0.9.`);
  }
}

/** Columns from `left` of a strip as a tile of its own memory. */
function cutTile(strip: Raster, left: number, grid: TileGrid): Raster {
  const { channels, data } = strip;
  const { width, height } = grid;
  const inside = Math.min(width, strip.width - left);
  const size = height * width * channels;
  const out = makePixels(maxValueOf(data), size);
  const line = width * channels;
  for (let y = 0; y < height; y++) {
    const from = (Math.min(y, strip.height - 1) * strip.width + left) * channels;
    out.set(data.subarray(from, from + inside * channels), y * line);
    for (let x = inside; x < width; x++) {
      out.copyWithin(
        y * line + x * channels,
        y * line + (inside - 1) * channels,
        y * line + inside * channels,
      );
    }
  }
  return { width, height, channels, data: out };
}

/** Adds a tile's planes to the strip that it lies in; what reaches beyond the image is left out. */
function addWeighted(
  tile: Planes,
  rowWeights: Float32Array,
  columnWeights: Float32Array,
  left: number,
  sums: Planes,
): void {
  const rows = Math.min(tile.height, sums.height);
  const columns = Math.min(tile.width, sums.width - left);
  for (let c = 0; c < tile.channels; c++) {
    for (let y = 0; y < rows; y++) {
      const weight = rowWeights[y]!;
      const from = (c * tile.height + y) * tile.width;
      const to = (c * sums.height + y) * sums.width + left;
      for (let x = 0; x < columns; x++) {
        sums.data[to + x] = sums.data[to + x]! + weight * columnWeights[x]! * tile.data[from + x]!;
      }
    }
  }
}

/** The first rows of the sums; what follows moves up, and zeros come in below. */
function takeRows(sums: Planes, rows: number): Planes {
  const { width, height, channels, data } = sums;
  const taken = new Float32Array(channels * rows * width);
  for (let c = 0; c < channels; c++) {
    const plane = data.subarray(c * height * width, (c + 1) * height * width);
    taken.set(plane.subarray(0, rows * width), c * rows * width);
    plane.copyWithin(0, rows * width);
    plane.fill(0, (height - rows) * width);
  }
  return { width, height: rows, channels, data: taken };
}
