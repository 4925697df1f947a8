/**
 * A trained model for inference in Node:
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
import { maskLook } from '../images/palette.js';
import type { Raster } from '../images/raster.js';
import type { ExternalReader, OnnxModel } from '../onnx/index.js';
import { decodeModel } from '../onnx/index.js';
import type { Device, Runtime } from '../runtime/index.js';
import type { Target } from '../graph/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { externalDataBeside } from '../weights/onnx-external.js';
import type { Learner } from '../training/index.js';
import { ensembleModel } from './ensemble.js';
import { exportedModel, predictionTarget } from './export-graph.js';
import { inOrder } from './in-order.js';
import type { CheckpointChoice } from './load-run.js';
import { loadRun } from './load-run.js';
import { membersOf } from './members.js';
import type { ModelCard } from './model-card.js';
import type { Segmentation, SegmentOptions } from './raster-segmenter.js';
import { RasterSegmenter } from './raster-segmenter.js';

/** The path of an image file, its bytes, a stream of its bytes (Node's or the web's), or pixels. */
export type ImageSource = string | Uint8Array | AsyncIterable<Uint8Array> | Raster;

export interface LoadOptions {
  /** Default `cpu`. */
  readonly device?: Device;
  /** Number of threads; default: all cores. */
  readonly threads?: number;
  /** The checkpoint of a run: `best` (default), `last`, or the number of an epoch. */
  readonly checkpoint?: CheckpointChoice;
  /** An existing runtime to use, which stays open; default: a new one. */
  readonly runtime?: Runtime;
  /** What messages call the model; default: its path. */
  readonly name?: string | undefined;
  /** Called with what a person should be told about the files of a run. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/** Information about the data that a learner does not have. */
export interface LearnerData extends Pick<ModelCard, 'classes' | 'objects' | 'threshold' | 'patch'> {
  /** The normalisation used in training; default: ImageNet's mean and standard deviation, as in `train`. */
  readonly normalization?: Normalization;
  /** Largest pixel value of the images; default 255. */
  readonly maxValue?: ModelCard['maxValue'];
}

export interface FileSegmentation extends Segmentation {
  /** The image's path, if it was read from a file. */
  readonly file?: string;
}

export interface SegmentManyOptions extends SegmentOptions {
  /** Number of images decoded ahead; default 3. All are in memory. */
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
   * Loads a trained model from a run folder, an exported file, or the bytes of one. Several paths, or the folder of a
   * cross-validation, are an ensemble: the probabilities of all models are averaged.
   *
   * @throws PixelwiseError for missing or damaged files, and for models that cannot be averaged.
   */
  static async load(
    source: string | readonly string[] | Uint8Array,
    options: LoadOptions = {},
  ): Promise<Segmenter> {
    const { device, threads, checkpoint, onNote } = options;
    const members = source instanceof Uint8Array ? [source] : await membersOf(source);
    const names = members.map((member) => (typeof member === 'string' ? member : 'model in memory'));
    const name = options.name ?? names.join(' + ');
    // A run's graph is created for the device; an exported file is used unchanged.
    const target = predictionTarget(options.runtime?.device ?? device);
    const models: OnnxModel[] = [];
    for (const [i, member] of members.entries()) {
      models.push(await readModel(member, names[i]!, checkpoint, target, onNote));
    }
    const model = models.length === 1 ? models[0]! : ensembleModel(models, names);
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
   * Copies the current model of a learner, to predict masks during training. The copy uses the learner's runtime, and
   * its input size is that of the learner's latest batch.
   *
   * @throws UsageError before the learner's first batch.
   */
  static async fromLearner(learner: Learner, data: LearnerData): Promise<Segmenter> {
    await learner.synchronize();
    const graph = learner.predictionGraph();
    if (!graph) throw new UsageError('Segmenter.fromLearner: the learner has processed no batch yet.');
    const [, channels, height, width] = graph.inputs[0]!.dims as [number, number, number, number];
    const { normalization = defaultNormalization(channels), maxValue = 255, ...told } = data;
    const card: ModelCard = {
      model: { name: learner.model.typeName, options: {} },
      ...told,
      channels,
      maxValue,
      height,
      width,
      normalization,
      ...(learner.multiLabel && { multiLabel: true as const }),
      palette: [...maskLook({ classes: told.classes, multiLabel: learner.multiLabel }).ofClasses],
    };
    // Copied, because the learner continues to change its weights.
    const initializers = graph.initializers.map((tensor) => ({ ...tensor, data: tensor.data.slice() }));
    const model = exportedModel({ ...graph, initializers }, card);
    return new Segmenter(model, learner.runtime, 'the model in training', false);
  }

  /**
   * Segments an image. The mask has the image's size. Throws a PixelwiseError that names the file.
   *
   * @param imageName name in messages of an image that is not a file.
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
   * Segments many images and yields the masks in order. The next images are decoded while one is segmented. An
   * unreadable image ends the iteration with an error that names it.
   */
  segmentMany(
    images: Iterable<ImageSource> | AsyncIterable<ImageSource>,
    options: SegmentManyOptions = {},
  ): AsyncGenerator<FileSegmentation, void, undefined> {
    const { ahead = AHEAD, ...rest } = options;
    return inOrder(images, ahead, (image) => this.segment(image, rest), options.signal);
  }

  /** Frees all resources. */
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
  onNote: LoadOptions['onNote'],
): Promise<OnnxModel> {
  if (typeof source !== 'string') return decode(source, name);
  const found = await stat(source).catch(() => undefined);
  if (found === undefined) {
    throw new PixelwiseError('model-missing', `${source}: no such run folder or model file.`);
  }
  if (found.isDirectory()) {
    const { graph, card, notes } = await loadRun(source, checkpoint, { target });
    for (const note of notes) onNote?.(note);
    return exportedModel(graph, card);
  }
  if (checkpoint !== undefined) {
    throw new PixelwiseError(
      'model-file',
      `${source} is a model file; only run folders have checkpoints to choose from.`,
    );
  }
  if (!found.isFile()) throw new PixelwiseError('model-file', `${source} is not a file or a run folder.`);
  return decode(await readFile(source), name, externalDataBeside(source));
}

function decode(bytes: Uint8Array, name: string, external?: ExternalReader): OnnxModel {
  try {
    return decodeModel(bytes, name, external);
  } catch (cause) {
    if (cause instanceof PixelwiseError && cause.code === 'model-file') throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PixelwiseError('model-file', `${name} is not a readable ONNX model (${why}).`, { cause });
  }
}
