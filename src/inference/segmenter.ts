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
import { fileURLToPath } from 'node:url';
import type { Normalization } from '../data/normalization.js';
import { defaultNormalization } from '../data/normalization.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { maskLook } from '../images/palette.js';
import { checkOptions, flag, whole } from '../settings/index.js';
import type { ExternalReader, OnnxModel } from '../onnx/index.js';
import { decodeModel } from '../onnx/index.js';
import type { Device, Runtime } from '../runtime/index.js';
import type { Target } from '../graph/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { leftInFile } from '../weights/file-constants.js';
import { externalDataBeside } from '../weights/onnx-external.js';
import type { Learner } from '../training/index.js';
import { ensembleModel } from './ensemble.js';
import { exportedModel, predictionTarget } from './export-graph.js';
import { fetchModel } from './fetch-model.js';
import { inOrder } from './in-order.js';
import type { CheckpointChoice } from './load-run.js';
import { loadRun } from './load-run.js';
import { membersOf } from './members.js';
import type { ModelCard } from './model-card.js';
import { type ImageSource, readSource } from './image-source.js';
import { RasterSegmenter } from './raster-segmenter.js';
import {
  type AskedOptions,
  checkSegmentOptions,
  type Segmentation,
  type SegmentationWith,
  type SegmentOptions,
} from './segmentation.js';

/** A run folder or an exported file: its path, its address, or the bytes of the file. */
export type ModelSource = string | URL | Uint8Array | ArrayBuffer | Blob;

export interface LoadOptions {
  /** Default `cpu`, which `auto` means, too. */
  readonly device?: Device | 'auto' | undefined;
  /** Number of threads; default: all cores. */
  readonly threads?: number | undefined;
  /** The checkpoint of a run: `best` (default), `last`, or the number of an epoch. */
  readonly checkpoint?: CheckpointChoice | undefined;
  /**
   * Whether the constants of a file stay there until a graph is loaded, and are not kept beside it: half the memory. The
   * file must stay as it is while the segmenter is used. Default false.
   */
  readonly constantsInFile?: boolean | undefined;
  /** An existing runtime to use, which stays open; default: a new one. */
  readonly runtime?: Runtime | undefined;
  /** What messages call the model; default: its path. */
  readonly name?: string | undefined;
  /** Called while the model is downloaded. `totalBytes` is absent if the server does not send the length. */
  readonly onProgress?: ((loadedBytes: number, totalBytes?: number) => void) | undefined;
  /** Aborting it stops loading, which then throws `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Called with notes for the user about the files of a run. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/** Information about the data that a learner does not have. */
export interface LearnerData extends Pick<ModelCard, 'classes' | 'objects' | 'threshold' | 'patch'> {
  /** The normalisation used in training; default: ImageNet's mean and standard deviation, as in `train`. */
  readonly normalization?: Normalization;
  /** Largest pixel value of the images; default 255. */
  readonly maxValue?: ModelCard['maxValue'];
}

const LOAD_OPTIONS = {
  device: null,
  threads: whole(1),
  checkpoint: null,
  constantsInFile: flag(),
  runtime: null,
  name: null,
  onProgress: null,
  signal: null,
  onNote: null,
};

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
   * Loads a trained model from a run folder or an exported file: its path, its address, or the bytes of the file. Several
   * paths, or the folder of a cross-validation, are an ensemble: the probabilities of all models are averaged.
   *
   * @throws PixelwiseError for missing or damaged files, and for models that cannot be averaged; UsageError for wrong
   *   options.
   */
  static async load(source: ModelSource | readonly string[], options: LoadOptions = {}): Promise<Segmenter> {
    checkOptions<LoadOptions>('Segmenter.load', LOAD_OPTIONS, options);
    const { threads, signal } = options;
    const device = options.device === 'auto' ? undefined : options.device;
    signal?.throwIfAborted();
    // First, so that its thread starts while the model is read.
    const runtime =
      options.runtime ??
      (await createNodeRuntime({
        training: false,
        ...(device && { device }),
        ...(threads !== undefined && { threads }),
      }));
    try {
      const members = await membersIn(source, options);
      const names = members.map(({ name }) => name);
      // A run's graph is created for the device; an exported file is used unchanged.
      const target = predictionTarget(runtime.device);
      const models: OnnxModel[] = [];
      for (const member of members) {
        models.push(await readModel(member, target, options));
      }
      signal?.throwIfAborted();
      const model = models.length === 1 ? models[0]! : ensembleModel(models, names);
      const name = options.name ?? names.join(' + ');
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

  /** The device that runs the model. */
  get device(): Device {
    return this.runtime.device;
  }

  /**
   * Segments an image. The mask has the image's size.
   *
   * @param imageName name in messages of an image that is not a file, if the options have none.
   * @throws PixelwiseError that names the image if it cannot be read or does not fit the model; UsageError for wrong
   *   options.
   */
  override async segment<P extends boolean = false, C extends boolean = false, O extends boolean = false>(
    image: ImageSource,
    options?: AskedOptions<P, C, O>,
    imageName?: string,
  ): Promise<SegmentationWith<P, C, O>>;
  override async segment(
    image: ImageSource,
    options: SegmentOptions = {},
    imageName?: string,
  ): Promise<Segmentation> {
    checkSegmentOptions(options);
    options.signal?.throwIfAborted();
    const started = performance.now();
    const { raster, file } = await readSource(image, this.card.channels, options.signal);
    const decodeSeconds = raster === image ? 0 : (performance.now() - started) / 1000;
    const result: Segmentation = await super.segment(raster, options, imageName ?? file);
    return { ...result, decodeSeconds, ...(file !== undefined && { file }) };
  }

  /**
   * Segments many images and yields the masks in order. The next images are decoded while one is segmented. An
   * unreadable image ends the iteration with an error that names it.
   */
  segmentMany(
    images: Iterable<ImageSource> | AsyncIterable<ImageSource>,
    options: SegmentManyOptions = {},
  ): AsyncGenerator<Segmentation, void, undefined> {
    const { ahead = AHEAD, ...rest } = options;
    return inOrder(images, ahead, (image) => this.segment(image, rest), options.signal);
  }

  /** Frees all resources. */
  override async close(): Promise<void> {
    await super.close();
    if (this.ownsRuntime) await this.runtime.close();
  }
}

interface ModelMember {
  readonly source: string | Uint8Array;
  readonly name: string;
}

/** The models that are to be averaged, mostly one; an address is downloaded. */
async function membersIn(
  source: ModelSource | readonly string[],
  { signal, onProgress }: LoadOptions,
): Promise<ModelMember[]> {
  const path = source instanceof URL && source.protocol === 'file:' ? fileURLToPath(source) : source;
  if (typeof path === 'string' || Array.isArray(path)) {
    return (await membersOf(path)).map((member) => ({ source: member, name: member }));
  }
  const whole = path instanceof URL ? path.href : path instanceof ArrayBuffer ? new Uint8Array(path) : path;
  const { bytes, name } = await fetchModel(whole as string | Uint8Array | Blob, signal, (loaded, total) =>
    onProgress?.(loaded, total),
  );
  return [{ source: bytes, name }];
}

async function readModel(
  { source, name }: ModelMember,
  target: Target,
  { checkpoint, constantsInFile = false, onNote }: LoadOptions,
): Promise<OnnxModel> {
  if (typeof source !== 'string') return decode(source, name);
  const found = await stat(source).catch(() => undefined);
  if (found === undefined) {
    throw new PixelwiseError('model-missing', `${source}: no such run folder or model file.`);
  }
  if (found.isDirectory()) {
    const { graph, card, notes } = await loadRun(source, checkpoint, { target, constantsInFile });
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
  const bytes = await readFile(source);
  const model = decode(bytes, name, externalDataBeside(source));
  if (!constantsInFile) return model;
  const { graph } = model;
  return { ...model, graph: { ...graph, initializers: leftInFile(graph.initializers, source, bytes) } };
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
