/** Segments an image in tiles and with test-time augmentation. Probabilities are averaged. */
import type { Raster } from '../images/raster.js';
import type { Planes } from '../images/resize.js';
import { UsageError } from '../errors/index.js';
import { isBinary } from '../labels/label-set.js';
import { decideMask } from './decide.js';
import { inOrder } from './in-order.js';
import type { ModelCard } from './model-card.js';
import type { GraphValue, RasterSegmenter, WholeSegmentation } from './raster-segmenter.js';
import type { FileSegmentOptions, SegmentOptions, ViewOptions } from './segmentation.js';
import type { Symmetry } from './symmetries.js';
import { addRestored, applySymmetry, symmetriesOf } from './symmetries.js';
import type { PixelSource, TileGrid } from './tiling.js';
import { DEFAULT_OVERLAP, predictInTiles, sourceOf } from './tiling.js';

/** Whether an image is predicted in tiles or in several views, not by one run on the whole image. */
export function isInViews({ patch }: ModelCard, { tile, tta = false }: ViewOptions): boolean {
  return patch !== undefined || tile !== undefined || tta !== false;
}

const IDENTITY: Symmetry = { transposed: false, mirrored: false, flipped: false };

/** Segments an image in memory. */
export async function segmentInViews(
  segmenter: RasterSegmenter,
  image: Raster,
  options: SegmentOptions,
  imageName?: string,
): Promise<WholeSegmentation> {
  const started = performance.now();
  const { width, height } = image;
  const { card } = segmenter;
  const { objects } = card;
  const classes = card.classes.length;
  const binary = isBinary(card);
  const whole = options.probabilities || objects ? new Float32Array(classes * height * width) : undefined;
  const separation = objects ? new Float32Array(height * width) : undefined;
  const data = new Uint8Array(width * height);
  const keep = ({ top, classes: decided, probabilities: strip, separation: part }: MaskStrip) => {
    data.set(decided, top * width);
    if (part) separation!.set(part, top * width);
    if (!whole) return;
    const size = strip.height * width;
    const place = (k: number) =>
      whole.subarray((k * height + top) * width, (k * height + top) * width + size);
    for (let c = 0; c < strip.channels; c++) {
      place(binary ? 1 : c).set(strip.data.subarray(c * size, (c + 1) * size));
    }
    if (binary) strip.data.forEach((p, i) => (place(0)[i] = 1 - p));
  };
  await maskInViews(segmenter, sourceOf(image), options, keep, imageName);
  return {
    mask: { width, height, data },
    ...(whole && { probabilities: { width, height, channels: classes, data: whole } }),
    ...(separation && { separation }),
    width,
    height,
    seconds: (performance.now() - started) / 1000,
    image,
  };
}

/** Consecutive rows of a mask. */
export interface MaskStrip {
  /** Index of the first row. */
  readonly top: number;
  /** Classes, rows×W. */
  readonly classes: Uint8Array;
  /** Probabilities, K×rows×W; for two classes only those of class 1. */
  readonly probabilities: Planes;
  /** rows×W, of a model of objects. */
  readonly separation?: Float32Array;
}

/**
 * Segments a source and emits its mask strip by strip. With `tile`, memory does not grow with the height of the
 * image.
 *
 * @param emit called with the strips of the mask from top to bottom. A returned promise is awaited.
 */
export async function maskInViews(
  segmenter: RasterSegmenter,
  source: PixelSource,
  options: FileSegmentOptions,
  emit: (strip: MaskStrip) => void | Promise<void>,
  imageName?: string,
): Promise<void> {
  const { width, height } = source;
  const threshold = segmenter.thresholdOf(options.threshold);
  const symmetries = transformsOf(options);
  const predict = (tile: Raster) => averaged(segmenter, tile, symmetries, options.signal, imageName);
  const { objects, multiLabel } = segmenter.card;
  const take = (top: number, planes: Planes) => {
    options.signal?.throwIfAborted();
    const size = width * planes.height;
    const classes = new Uint8Array(size);
    const channels = planes.channels - (objects ? 1 : 0);
    const probabilities = { ...planes, channels, data: planes.data.subarray(0, channels * size) };
    decideMask(probabilities.data, { threshold, multiLabel }, classes);
    const separation = objects ? planes.data.subarray(channels * size) : undefined;
    return emit({ top, classes, probabilities, ...(separation && { separation }) });
  };
  const grid = gridOf(segmenter, options);
  if (grid === undefined) await take(0, await predict(await source.rows(0, height)));
  else await predictInTiles(source, grid, predict, take);
}

function transformsOf({ tta = false }: ViewOptions): readonly Symmetry[] {
  if (tta === false) return [IDENTITY];
  return symmetriesOf(tta === true ? 'mirror' : tta);
}

/**
 * Tiles with a longer side of `tile` pixels and the aspect ratio of the model's input; for a model of patches, tiles of
 * its patches' size. Undefined if images are not predicted in tiles.
 */
function gridOf(
  { card, name }: RasterSegmenter,
  { tile, overlap = DEFAULT_OVERLAP }: ViewOptions,
): TileGrid | undefined {
  const own = Math.max(card.height, card.width);
  if (card.patch && tile !== undefined && tile !== own) {
    throw new UsageError(
      `${name} was trained on patches of ${card.height}×${card.width} pixels and predicts in tiles of that size; the tile cannot be ${tile}. Leave it out.`,
    );
  }
  const side = tile ?? (card.patch && own);
  if (side === undefined) return undefined;
  const scale = side / own;
  const along = (size: number) => (scale === 1 ? size : Math.round(size * scale));
  return { height: along(card.height), width: along(card.width), overlap };
}

/**
 * Probabilities at the size of the image, averaged over transforms; for two classes only those of class 1; of a model of
 * objects then the separation.
 */
async function averaged(
  segmenter: RasterSegmenter,
  image: Raster,
  symmetries: readonly Symmetry[],
  signal: AbortSignal | undefined,
  imageName: string | undefined,
): Promise<Planes> {
  const { width, height } = image;
  const classes = segmenter.card.classes.length;
  const { objects } = segmenter.card;
  const binary = isBinary(segmenter.card);
  const channels = (binary ? 1 : classes) + (objects ? 1 : 0);
  const predict = async (symmetry: Symmetry): Promise<Planes> => {
    const transformed = symmetry === IDENTITY ? image : applySymmetry(image, symmetry);
    const wanted: GraphValue[] = objects ? ['probabilities', 'separation'] : ['probabilities'];
    const { probabilities, separation } = await segmenter.run(transformed, wanted, { signal }, imageName);
    const own = probabilities!.subarray(binary ? height * width : 0);
    const data = separation ? joinedPlanes(own, separation) : own;
    return { width: transformed.width, height: transformed.height, channels, data };
  };
  if (symmetries.length === 1) return predict(symmetries[0]!);
  const sum = new Float32Array(channels * height * width);
  let i = 0;
  for await (const view of inOrder(symmetries, 1, predict)) addRestored(view, symmetries[i++]!, sum);
  return { width, height, channels, data: sum.map((value) => value / symmetries.length) };
}

function joinedPlanes(first: Float32Array, second: Float32Array): Float32Array {
  const joined = new Float32Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
