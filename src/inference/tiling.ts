/**
 * Tiled prediction, with memory that does not grow with the height of the image. Tiles are evenly spaced and overlap.
 * Their probabilities are averaged with Gaussian weights of σ = tile/8 around each tile's centre, because predictions
 * are least accurate at the borders of a tile (Isensee et al., nnU-Net, 2021). The weights are separable into rows and
 * columns, so they can be normalised for each axis separately.
 */
import { rasterWindow } from '../data/padded-window.js';
import { tileStarts } from '../data/tile-starts.js';
import { UsageError } from '../errors/index.js';
import type { Raster } from '../images/raster.js';
import type { Planes } from '../images/resize.js';
import { inOrder } from './in-order.js';

/** An image that is read in parts. */
export interface PixelSource {
  readonly width: number;
  readonly height: number;
  /** Reads rows `top` to `top + rows`, all columns. */
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
  /** Minimum overlap of neighbouring tiles as a share of their side, 0 … 0.9. */
  readonly overlap: number;
}

/** Default overlap: half of a tile, as in nnU-Net. */
export const DEFAULT_OVERLAP = 0.5;

/**
 * The weights of each tile's pixels on one axis. For each pixel of the image, the weights of all tiles sum to 1.
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
 * Predicts an image tile by tile and emits the blended planes from top to bottom.
 *
 * @param predict returns the planes of one tile, at the tile's size. A tile larger than the image is padded by
 *   repeating the image's last pixels.
 * @param emit called with C×rows×width planes that start at row `top`.
 */
export async function predictInTiles(
  source: PixelSource,
  grid: TileGrid,
  predict: (tile: Raster) => Promise<Planes>,
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
    // The next tile is predicted while one is blended.
    for await (const planes of inOrder(lefts, 1, (left) =>
      predict(rasterWindow(strip, { x: left, y: 0, width: grid.width, height: grid.height })),
    )) {
      sums ??= {
        width,
        height: stripRows,
        channels: planes.channels,
        data: new Float32Array(planes.channels * stripRows * width),
      };
      addWeighted(planes, rowWeights[i]!, columnWeights[j]!, lefts[j]!, sums);
      j++;
    }
    // Rows above the next row of tiles are complete.
    const done = (tops[i + 1] ?? height) - top;
    await emit(top, takeRows(sums!, done));
  }
}

function checkGrid({ height, width, overlap }: TileGrid): void {
  for (const side of [height, width]) {
    if (!Number.isInteger(side) || side < 8) {
      throw new UsageError(
        `The sides of a tile must be whole numbers of pixels, 8 or more; got ${height}×${width}.`,
      );
    }
  }
  if (!(overlap >= 0 && overlap <= 0.9)) {
    throw new UsageError(`overlap must be from 0 to 0.9 of a tile's side; got ${overlap}.`);
  }
}

/** Adds a tile's weighted planes to its strip. Pixels outside the image are ignored. */
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

/** Removes and returns the first rows of the sums. The remaining rows move up, and zeros are appended. */
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
