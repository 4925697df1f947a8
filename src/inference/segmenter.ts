/**
 * A trained model, ready for use in Node:
 *
 * ```ts
 * const segmenter = await Segmenter.load('runs/cells');
 * const { mask } = await segmenter.segment('new.jpg');
 * await segmenter.close();
 * ```
 */
import { readFile, stat } from 'node:fs/promises';
import type { Normalization } from '../data/normalization.js';
import { defaultNormalization } from '../data/normalization.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { decodeImage } from '../images/decode.js';
import { classColours } from '../images/palette.js';
import type { Raster } from '../images/raster.js';
import type { OnnxModel } from '../onnx/index.js';
import { decodeModel } from '../onnx/index.js';
import type { Device, Runtime } from '../runtime/index.js';
import type { Target } from '../graph/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { Learner } from '../training/index.js';
import { exportedModel, predictionTarget } from './export-graph.js';
import { inOrder } from './in-order.js';
import type { CheckpointChoice } from './load-run.js';
import { loadRun } from './load-run.js';
import type { ModelCard } from './model-card.js';
import type { Segmentation, SegmentOptions } from './raster-segmenter.js';
import { RasterSegmenter } from './raster-segmenter.js';

/** A file's path, the bytes of an image file, a stream of them (Node's or the web's), or pixels. */
export type ImageSource = string | Uint8Array | AsyncIterable<Uint8Array> | Raster;

export interface LoadOptions {
  /** Default `cpu`. */
  readonly device?: Device;
  /** Threads of one run; default: all cores. */
  readonly threads?: number;
  /** Of a run: `best` (default), `last`, or the number of an epoch. */
  readonly checkpoint?: CheckpointChoice;
  /** Runs on this runtime, which stays open, and not on one of its own. */
  readonly runtime?: Runtime;
}

/** What a learner does not know about its data. */
export interface LearnerData extends Pick<ModelCard, 'classes' | 'threshold'> {
  /** How pixel values are normalised for training; default as `train` does: ImageNet's mean and deviation. */
  readonly normalization?: Normalization;
  /** Largest pixel value of the images; default 255. */
  readonly maxValue?: ModelCard['maxValue'];
}

export interface FileSegmentation extends Segmentation {
  /** The image's path, where it came from a file. */
  readonly file?: string;
}

export interface SegmentManyOptions extends SegmentOptions {
  /** Images decoded ahead of the one that is segmented; default 3. Each holds its pixels. */
  readonly ahead?: number;
}

const AHEAD = 3;

export class Segmenter extends RasterSegmenter {
  private constructor(
    model: OnnxModel,
    runtime: Runtime,
    name: string,
    private readonly ownsRuntime: boolean,
  ) {
    super(model, runtime, name);
  }

  /**
   * Opens a trained model: a run folder, an exported file, or the bytes of one.
   *
   * @throws PixelwiseError naming what is missing or damaged.
   */
  static async load(source: string | Uint8Array, options: LoadOptions = {}): Promise<Segmenter> {
    const { device, threads, checkpoint } = options;
    const name = typeof source === 'string' ? source : 'model in memory';
    // A run's graph is written for the device; a file is as it is.
    const target = predictionTarget(options.runtime?.device ?? device);
    const model = await readModel(source, name, checkpoint, target);
    const runtime =
      options.runtime ??
      (await createNodeRuntime({
        training: false,
        ...(device && { device }),
        ...(threads !== undefined && { threads }),
      }));
    try {
      return new Segmenter(model, runtime, name, options.runtime === undefined);
    } catch (error) {
      if (options.runtime === undefined) await runtime.close();
      throw error;
    }
  }

  /**
   * A copy of the model that a learner trains, as it is now, on the learner's runtime: to look at masks during
   * training. Its images have the shape of those in the learner's latest batch.
   *
   * @throws UsageError before the learner's first batch.
   */
  static async fromLearner(learner: Learner, data: LearnerData): Promise<Segmenter> {
    await learner.synchronize();
    const graph = learner.predictionGraph();
    if (!graph) throw new UsageError('Segmenter.fromLearner: the learner has seen no batch yet.');
    const [, channels, height, width] = graph.inputs[0]!.dims as [number, number, number, number];
    const { classes, normalization = defaultNormalization(channels), maxValue = 255, threshold } = data;
    const card: ModelCard = {
      model: { name: learner.model.typeName, options: {} },
      classes,
      channels,
      maxValue,
      height,
      width,
      normalization,
      palette: classColours(classes),
      ...(threshold !== undefined && { threshold }),
    };
    // The learner goes on changing its weights.
    const initializers = graph.initializers.map((tensor) => ({ ...tensor, data: tensor.data.slice() }));
    const model = exportedModel({ ...graph, initializers }, card);
    return new Segmenter(model, learner.runtime, 'the model in training', false);
  }

  /**
   * The mask of an image, at the image's size. Throws a PixelwiseError that names the file.
   *
   * @param imageName what messages call an image that is no file.
   */
  override async segment(
    image: ImageSource,
    options: SegmentOptions = {},
    imageName?: string,
  ): Promise<FileSegmentation> {
    options.signal?.throwIfAborted();
    const raster = await rasterOf(image, this.card.channels);
    if (typeof image !== 'string') return super.segment(raster, options, imageName);
    return { ...(await super.segment(raster, options, imageName ?? image)), file: image };
  }

  /**
   * The masks of many images, in their order. The next images are decoded while one is segmented. The first
   * image that cannot be read ends it with an error that names it.
   */
  segmentMany(
    images: Iterable<ImageSource> | AsyncIterable<ImageSource>,
    options: SegmentManyOptions = {},
  ): AsyncGenerator<FileSegmentation, void, undefined> {
    const { ahead = AHEAD, ...rest } = options;
    return inOrder(images, ahead, (image) => this.segment(image, rest), options.signal);
  }

  /** Frees everything. */
  override async close(): Promise<void> {
    await super.close();
    if (this.ownsRuntime) await this.runtime.close();
  }
}

async function rasterOf(image: ImageSource, channels: number): Promise<Raster> {
  if (typeof image === 'string' || image instanceof Uint8Array) return decodeImage(image, { channels });
  if ('data' in image) return image;
  const parts: Uint8Array[] = [];
  for await (const part of image) parts.push(part);
  return decodeImage(Buffer.concat(parts), { channels });
}

async function readModel(
  source: string | Uint8Array,
  name: string,
  checkpoint: CheckpointChoice | undefined,
  target: Target,
): Promise<OnnxModel> {
  if (typeof source !== 'string') return decode(source, name);
  const found = await stat(source).catch(() => undefined);
  if (found === undefined) {
    throw new PixelwiseError('model-missing', `${source}: there is no such run folder or model file.`);
  }
  if (found.isDirectory()) {
    const { graph, card } = await loadRun(source, checkpoint, { target });
    return exportedModel(graph, card);
  }
  if (checkpoint !== undefined) {
    throw new PixelwiseError(
      'model-file',
      `${source} is one model; only a run folder has checkpoints to choose from.`,
    );
  }
  return decode(await readFile(source), name);
}

function decode(bytes: Uint8Array, name: string): OnnxModel {
  try {
    return decodeModel(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PixelwiseError('model-file', `${name} is not a readable ONNX model (${why}).`, { cause });
  }
}
