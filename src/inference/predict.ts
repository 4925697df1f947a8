/** Segments image files and writes the results; the implementation of `pixelwise predict`. */
import { join, resolve } from 'node:path';
import type { Communicator } from '../distributed/index.js';
import { assignBySize, fromFirst, rankText, together, toFirst } from '../distributed/index.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { WrittenFiles, writeOutputFile } from '../files/index.js';
import { decodeImage, describeImage } from '../images/decode.js';
import { isTiffName, MAX_PIXELS } from '../images/image-source.js';
import type { ImageSize } from '../images/pixel-file.js';
import { imageSize, tiffStructure } from '../images/pixel-file.js';
import type { ClassMask } from '../images/raster.js';
import { parsePixelSize, type PixelSize } from '../objects/index.js';
import type { PageStructure } from '../images/tiff/structure.js';
import { encodeMaskStack } from '../images/tiff/write.js';
import { checkCleanOptions } from './components.js';
import { inOrder } from './in-order.js';
import type { InputFile } from './input-files.js';
import { findInputs, resultNames } from './input-files.js';
import type { ModelCard } from './model-card.js';
import { segmentLargeFile } from './large-image.js';
import { type FileSegmentOptions, segmentOptionsIn } from './segmentation.js';
import type { ResultChoice, ResultPaths } from './result-files.js';
import { paletteOf } from './pictures.js';
import { pathsIn, resultPaths, writeResults } from './result-files.js';
import type { Segmenter } from './segmenter.js';
import { sizesOf } from './shared-scoring.js';
import { isInViews } from './views.js';

export interface PredictOptions extends FileSegmentOptions, Omit<ResultChoice, 'mask' | 'objects'> {
  /** Folder for the results. Masks are `NAME.png`. */
  readonly out: string;
  /**
   * In tiles, images with more pixels are not kept in memory: they are decoded to a temporary file in `out`, and
   * results are written strip by strip. Default 2²⁶ (8,192 × 8,192). Images beyond `MAX_PIXELS` are always
   * processed like this; `tile` defaults to the model's input size.
   */
  readonly stripsAbove?: number | undefined;
  /** Of a model of objects: the kind of label images; default `png`. */
  readonly labels?: 'png' | 'tif' | undefined;
  /** The side of a pixel with its unit, such as `0.5um`, for label images and tables of objects. */
  readonly pixelSize?: string | undefined;
  /** Called with notes about images that were processed differently than requested. */
  readonly onNote?: ((note: string) => void) | undefined;
  /** Distributes the images over ranks. Rank 0 returns all results, the others their own. */
  readonly communicator?: Communicator | undefined;
  /** Called after each input. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** The results of one input; paths are absolute. */
export interface PredictOutput {
  readonly input: string;
  /** PNG with a palette, or TIFF for a stack. The stored values are class indices. */
  readonly mask: string;
  readonly overlay?: string;
  readonly probabilities?: string;
  readonly outlines?: string;
  /** Of a model of objects: the label image, and the table of objects. */
  readonly objects?: string;
  readonly objectTable?: string;
  readonly width: number;
  readonly height: number;
  /** Time from pixels to mask, without reading and writing. */
  readonly seconds: number;
}

export interface PredictResult {
  readonly outputs: readonly PredictOutput[];
  /** Inputs for which nothing was written, with the errors. */
  readonly failures: readonly { readonly input: string; readonly error: PixelwiseError }[];
}

/** Number of images processed ahead. */
const AHEAD = 3;

/**
 * Segments the images given as files, folders and patterns, and writes a mask of the same size and name for each.
 * Errors of single images are returned in `failures`, and the other images are processed. Files are written
 * atomically.
 *
 * @throws PixelwiseError `input-missing` for an input without an image; `file-in-use` if a result would replace a file
 *   that was not written here; UsageError for invalid options, or if a result would replace an input;
 *   `signal.reason` once aborted.
 */
export async function predictFiles(
  segmenter: Segmenter,
  inputs: readonly string[],
  options: PredictOptions,
): Promise<PredictResult> {
  checkCleanOptions(options);
  sizeOf(options);
  const { communicator } = options;
  const choice = withOwnFiles(options, segmenter.card);
  segmenter.prepare(segmentOptionsIn(options));
  const written = new WrittenFiles(options.out);
  const plan = async () => {
    const planned = planResults(await findInputs(inputs), choice);
    await written.refuseOthers(planned.flatMap(({ paths }) => pathsIn(paths)));
    return planned;
  };
  const tasks = await (communicator ? together(communicator, plan) : plan());
  const mine = communicator ? await ownTasks(tasks, communicator) : tasks.map((_, i) => i);
  const results: (PredictOutput | Failure)[] = [];
  const attempt = async (task: Task) => {
    try {
      return await predictOne(segmenter, task, options, written);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof PixelwiseError) || error instanceof UsageError) throw error;
      return { input: resolve(task.file.path), error };
    }
  };
  const work = mine.map((i) => tasks[i]!);
  for await (const result of inOrder(work, AHEAD, attempt, options.signal)) {
    results.push(result);
    options.onProgress?.(results.length, mine.length);
  }
  const all = communicator ? await gatherResults(mine, results, communicator) : results;
  return {
    outputs: all.filter((result): result is PredictOutput => !isFailure(result)),
    failures: all.filter(isFailure),
  };
}

const sizeOf = ({ pixelSize }: PredictOptions): PixelSize | undefined =>
  pixelSize === undefined ? undefined : parsePixelSize(pixelSize);

interface Failure {
  readonly input: string;
  readonly error: PixelwiseError;
}

const isFailure = (result: PredictOutput | Failure): result is Failure => 'error' in result;

/** The tasks of this rank, distributed by file size. All ranks use the sizes that rank 0 reads. */
async function ownTasks(tasks: readonly Task[], communicator: Communicator): Promise<number[]> {
  const sizes = await fromFirst(communicator, await sizesOf(tasks.map(({ file }) => file.path)));
  if (sizes.length !== tasks.length) {
    throw new PixelwiseError(
      'input-missing',
      `rank 0 found ${sizes.length} inputs, but ${rankText(communicator, communicator.rank)} found ${tasks.length}: every host must have access to the same files.`,
    );
  }
  const owners = assignBySize(sizes, communicator.size);
  return owners.flatMap((owner, i) => (owner === communicator.rank ? [i] : []));
}

/** On rank 0, the results of all ranks in the order of the tasks; on any other, its own. */
async function gatherResults(
  mine: readonly number[],
  results: readonly (PredictOutput | Failure)[],
  communicator: Communicator,
): Promise<readonly (PredictOutput | Failure)[]> {
  const told = results.map((result, i) => {
    if (!isFailure(result)) return { task: mine[i]!, output: result };
    const { input, error } = result;
    return { task: mine[i]!, failure: { input, code: error.code, message: error.message } };
  });
  const all = await toFirst(communicator, told);
  if (!all) return results;
  return all
    .flat()
    .sort((a, b) => a.task - b.task)
    .map(({ output, failure }) => {
      if (!failure) return output!;
      return { input: failure.input, error: new PixelwiseError(failure.code, failure.message) };
    });
}

interface Task {
  readonly file: InputFile;
  /** Name of the results. */
  readonly name: string;
  readonly paths: ResultPaths & { readonly mask: string };
}

/**
 * What the kind of model adds: of classes that overlap, each has a mask of its own besides the one of their sets; of
 * objects, there is a label image.
 */
function withOwnFiles(
  options: PredictOptions,
  { multiLabel, objects, classes }: ModelCard,
): PredictOptions & ResultChoice {
  return {
    ...options,
    ...(multiLabel && { overlapping: classes }),
    ...(objects && { objects: options.labels ?? 'png' }),
  };
}

function planResults(files: readonly InputFile[], options: PredictOptions & ResultChoice): Task[] {
  const out = resolve(options.out);
  const sources = new Set(files.map(({ path }) => resolve(path)));
  return resultNames(files).map((name, i) => {
    const paths = { ...resultPaths(out, name, options), mask: join(out, `${name}.png`) };
    for (const path of pathsIn(paths)) {
      if (sources.has(path)) {
        throw new UsageError(`The result would replace the input ${path}. Choose another folder for --out.`);
      }
    }
    return { file: files[i]!, name, paths };
  });
}

async function predictOne(
  segmenter: Segmenter,
  task: Task,
  options: PredictOptions,
  written: WrittenFiles,
): Promise<PredictOutput> {
  const { file, paths } = task;
  await written.requireSameFolder();
  const structure = isTiffName(file.path) ? await tiffStructure(file.path) : undefined;
  if (structure && structure.pictures.length > 1)
    return predictPages(segmenter, task, structure, options, written);
  const { card } = segmenter;
  const large = await largeSize(file.path, options, isInViews(card, { tile: options.tile }));
  if (large) {
    const tile = options.tile ?? Math.max(card.height, card.width);
    if (options.tile === undefined && !card.patch)
      options.onNote?.(`${file.path}: ${largeNote(large, tile)}`);
    const result = await segmentLargeFile(segmenter, file.path, paths, {
      ...options,
      tile,
      pixelSize: sizeOf(options),
    });
    await written.record(pathsIn(paths));
    return { input: resolve(file.path), ...paths, ...result };
  }
  const segmented = await segmenter.segment(file.path, segmentOptionsIn(options));
  const { width, height, seconds } = segmented;
  await writeResults(paths, { ...segmented, fileName: file.path, pixelSize: sizeOf(options) }, card);
  await written.record(pathsIn(paths));
  return { input: resolve(file.path), ...paths, width, height, seconds };
}

/**
 * Segments a TIFF with several pages. If the model has as many channels, the pages are channels of one image;
 * otherwise they are slices of a stack. The masks of a stack are written as a stack, all other results per slice.
 */
async function predictPages(
  segmenter: Segmenter,
  { file, name, paths }: Task,
  { pictures, source }: PageStructure,
  options: PredictOptions,
  written: WrittenFiles,
): Promise<PredictOutput> {
  const pages = pictures.length;
  const { card } = segmenter;
  const { path } = file;
  const { channels } = card;
  const input = resolve(path);
  const whole = await describeImage(path, { page: 'channels' });
  if (source === undefined && channels > 1 && whole.channels === channels) {
    options.onNote?.(`${path}: the ${pages} pages are read as channels of one image.`);
    const image = await decodeImage(path, { page: 'channels' });
    const segmented = await segmenter.segment(image, segmentOptionsIn(options), path);
    const { width, height, seconds } = segmented;
    await writeResults(paths, { ...segmented, fileName: path, pixelSize: sizeOf(options) }, card);
    await written.record(pathsIn(paths));
    return { input, ...paths, width, height, seconds };
  }
  const mask = stackPath(paths);
  await written.refuseOthers([mask]);
  options.onNote?.(`${path}: ${pages} slices; the masks are written as a TIFF with ${pages} pages.`);
  const masks: ClassMask[] = [];
  let seconds = 0;
  for (let page = 0; page < pages; page++) {
    options.signal?.throwIfAborted();
    const image = await decodeImage(path, { page, channels });
    const segmented = await segmenter.segment(image, segmentOptionsIn(options), `${path}, slice ${page + 1}`);
    const slice = `${name}-${String(page + 1).padStart(String(pages).length, '0')}`;
    const others = resultPaths(resolve(options.out), slice, {
      ...withOwnFiles(options, card),
      mask: false,
    });
    await written.refuseOthers(pathsIn(others));
    await writeResults(others, { ...segmented, fileName: path, pixelSize: sizeOf(options) }, card);
    await written.record(pathsIn(others));
    masks.push(segmented.mask);
    seconds += segmented.seconds;
  }
  await writeOutputFile(mask, encodeMaskStack(masks, paletteOf(card)));
  await written.record([mask]);
  const [{ width, height }] = masks as [ClassMask];
  return { input, mask, width, height, seconds };
}

/** Path of the masks of a stack. */
const stackPath = ({ mask }: Task['paths']): string => mask.replace(/\.png$/, '.tif');

/** Default of `stripsAbove`. */
const STRIPS_ABOVE = 2 ** 26;

/** The size of an image that is too large to keep in memory; undefined for all others. */
async function largeSize(
  path: string,
  { stripsAbove = STRIPS_ABOVE }: PredictOptions,
  inTiles: boolean,
): Promise<ImageSize | undefined> {
  const size = await imageSize(path);
  const bound = inTiles ? Math.min(stripsAbove, MAX_PIXELS) : MAX_PIXELS;
  return size !== undefined && size.width * size.height > bound ? size : undefined;
}

const largeNote = ({ width, height }: ImageSize, tile: number): string =>
  `${width}×${height} pixels are too many to process at once; using tiles of ${tile} pixels. ` +
  'Set their size with --tile: larger tiles give more context, smaller tiles more detail.';
