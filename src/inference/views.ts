/** Masks from several looks at an image: tiles, and positions of each. Probabilities are averaged. */
import type { Raster } from '../images/raster.js';
import type { Planes } from '../images/resize.js';
import { decideClasses } from './decide.js';
import { inOrder } from './in-order.js';
import type { ModelCard } from './model-card.js';
import type { RasterSegmenter, Segmentation, SegmentOptions, ViewOptions } from './raster-segmenter.js';
import type { Symmetry } from './symmetries.js';
import { addRestored, applySymmetry, symmetriesOf } from './symmetries.js';
import type { PixelSource, TileGrid } from './tiling.js';
import { DEFAULT_OVERLAP, overTiles, sourceOf } from './tiling.js';

const AS_IT_IS: Symmetry = { transposed: false, mirrored: false, flipped: false };

/** The mask of an image in memory, by tiles or test-time augmentation. */
export async function segmentInViews(
  segmenter: RasterSegmenter,
  image: Raster,
  options: SegmentOptions,
  imageName?: string,
): Promise<Segmentation> {
  const started = performance.now();
  const { width, height } = image;
  const classes = segmenter.card.classes.length;
  const whole = options.probabilities ? new Float32Array(classes * height * width) : undefined;
  const data = new Uint8Array(width * height);
  const keep = ({ top, classes: decided, probabilities: strip }: MaskStrip) => {
    data.set(decided, top * width);
    if (!whole) return;
    const size = strip.height * width;
    const place = (k: number) =>
      whole.subarray((k * height + top) * width, (k * height + top) * width + size);
    for (let c = 0; c < strip.channels; c++) {
      place(classes === 2 ? 1 : c).set(strip.data.subarray(c * size, (c + 1) * size));
    }
    if (classes === 2) strip.data.forEach((p, i) => (place(0)[i] = 1 - p));
  };
  await maskInViews(segmenter, sourceOf(image), options, keep, imageName);
  return {
    mask: { width, height, data },
    ...(whole && { probabilities: { width, height, channels: classes, data: whole } }),
    width,
    height,
    seconds: (performance.now() - started) / 1000,
    image,
  };
}

/** Rows of a mask, from the top down. */
export interface MaskStrip {
  /** The first row. */
  readonly top: number;
  /** Classes, rows×W. */
  readonly classes: Uint8Array;
  /** Probabilities, K×rows×W; of two classes those of class 1 alone. */
  readonly probabilities: Planes;
}

/**
 * The classes of all pixels of a source, looked at part by part. With `tile`, memory does not grow with the
 * height of the image.
 *
 * @param emit is handed the strips of the mask in order, and waited for.
 */
export async function maskInViews(
  segmenter: RasterSegmenter,
  source: PixelSource,
  options: SegmentOptions,
  emit: (strip: MaskStrip) => void | Promise<void>,
  imageName?: string,
): Promise<void> {
  const { width, height } = source;
  const threshold = segmenter.thresholdOf(options.threshold);
  const symmetries = positionsOf(options);
  const look = (tile: Raster) => averaged(segmenter, tile, symmetries, options.signal, imageName);
  const take = (top: number, probabilities: Planes) => {
    options.signal?.throwIfAborted();
    const classes = new Uint8Array(width * probabilities.height);
    decideClasses(probabilities.data, threshold, classes);
    return emit({ top, classes, probabilities });
  };
  if (options.tile === undefined) await take(0, await look(await source.rows(0, height)));
  else await overTiles(source, gridOf(segmenter.card, options.tile, options.overlap), look, take);
}

function positionsOf({ tta = false }: ViewOptions): readonly Symmetry[] {
  if (tta === false) return [AS_IT_IS];
  return symmetriesOf(tta === true ? 'mirror' : tta);
}

/** Tiles whose longer side is `side`, in the proportions of the model's size. */
function gridOf(card: ModelCard, side: number, overlap = DEFAULT_OVERLAP): TileGrid {
  const scale = side / Math.max(card.height, card.width);
  const along = (size: number) => (scale === 1 ? size : Math.round(size * scale));
  return { height: along(card.height), width: along(card.width), overlap };
}

/** Probabilities at the size of the image, averaged over positions: of class 1 where there are two, else of all. */
async function averaged(
  segmenter: RasterSegmenter,
  image: Raster,
  symmetries: readonly Symmetry[],
  signal: AbortSignal | undefined,
  imageName: string | undefined,
): Promise<Planes> {
  const { width, height } = image;
  const classes = segmenter.card.classes.length;
  const channels = classes === 2 ? 1 : classes;
  const look = async (symmetry: Symmetry): Promise<Planes> => {
    const seen = symmetry === AS_IT_IS ? image : applySymmetry(image, symmetry);
    const { probabilities } = await segmenter.run(seen, ['probabilities'], { signal }, imageName);
    const data = probabilities!.subarray((classes - channels) * height * width);
    return { width: seen.width, height: seen.height, channels, data };
  };
  if (symmetries.length === 1) return look(symmetries[0]!);
  const sum = new Float32Array(channels * height * width);
  let i = 0;
  for await (const view of inOrder(symmetries, 1, look)) addRestored(view, symmetries[i++]!, sum);
  return { width, height, channels, data: sum.map((value) => value / symmetries.length) };
}
