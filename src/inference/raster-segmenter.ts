/**
 * An exported file on a runtime: pixels in, masks out. Knows no files and no Node, so it serves a page as
 * well; `segmenter.ts` adds what Node has.
 */
import { conform, depthName } from '../data/conform.js';
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import { backgroundClass } from '../images/palette.js';
import { type ClassMask, maxValueOf, type Raster } from '../images/raster.js';
import type { Planes } from '../images/resize.js';
import { LOGITS, MODEL_INPUT } from '../models/prediction-graph.js';
import type { OnnxModel, ValueInfo } from '../onnx/index.js';
import { encodeModel } from '../onnx/index.js';
import type { TensorData } from '../graph/index.js';
import type { Binding, Runtime, Session } from '../runtime/index.js';
import { transferredView } from '../runtime/index.js';
import type { CleanOptions } from './components.js';
import { checkCleanOptions, cleanMask } from './components.js';
import { IMAGE, MASK, PROBABILITIES, SCORES, THRESHOLD, withOutputs } from './export-graph.js';
import type { ModelCard } from './model-card.js';
import { CARD_KEY, checkThreshold, DEFAULT_THRESHOLD, parseCard } from './model-card.js';
import type { TestTimeAugmentation } from './symmetries.js';
import { segmentInViews } from './views.js';

/** How an image is looked at: whole and once, unless said otherwise. */
export interface ViewOptions {
  /**
   * Sees the image in tiles of this many pixels on their longer side, in the proportions of the model's own
   * size. Tiles of the model's size show it every pixel; smaller ones are enlarged for it.
   */
  readonly tile?: number | undefined;
  /** Share of a tile that neighbours at least have in common, 0 … 0.9; default 0.5. */
  readonly overlap?: number | undefined;
  /**
   * Averages over several positions of the image; `true` is `mirror`, which suits every model that saw flipped
   * images in training. Turns do harm where up and down mean something. Default: as it is.
   */
  readonly tta?: boolean | TestTimeAugmentation | undefined;
}

/** What is wanted of an image, and what is done with its mask afterwards ({@link cleanMask}). */
export interface SegmentOptions extends ViewOptions, CleanOptions {
  /** Whether probabilities are wanted too: 4 bytes for each pixel and class. Default false. */
  readonly probabilities?: boolean | undefined;
  /** Two classes only: from which probability on a pixel is of class 1. Default: the model's own. */
  readonly threshold?: number | undefined;
  /** Once aborted, nothing new is begun and the call throws `signal.reason`; a run that has begun ends first. */
  readonly signal?: AbortSignal | undefined;
}

/** The mask of one image. */
export interface Segmentation {
  /** Class of every pixel, at the size of the image. */
  readonly mask: ClassMask;
  /** Probability of every class, K×H×W at the size of the image; where asked for. */
  readonly probabilities?: Planes;
  readonly width: number;
  readonly height: number;
  /** From pixels to mask: resizing, model and resizing back; decoding and waiting for others not counted. */
  readonly seconds: number;
  /** The pixels that were looked at. */
  readonly image: Raster;
}

/** Values of the graph that a run can give. */
export type GraphValue = typeof MASK | typeof PROBABILITIES | typeof LOGITS | typeof SCORES;

const VALUE_TYPES: Readonly<Record<string, ValueInfo>> = {
  [MASK]: { name: MASK, dataType: 'uint8', dims: [1, 'height', 'width'] },
  [PROBABILITIES]: { name: PROBABILITIES, dataType: 'float32', dims: [1, 'classes', 'height', 'width'] },
  [LOGITS]: { name: LOGITS, dataType: 'float32', dims: [1, 'channels', 'modelHeight', 'modelWidth'] },
  [SCORES]: { name: SCORES, dataType: 'float32', dims: [1, 'channels', 'modelHeight', 'modelWidth'] },
};

export interface GraphResults {
  readonly mask?: Uint8Array;
  readonly probabilities?: Float32Array;
  readonly logits?: Float32Array;
  readonly scores?: Float32Array;
  readonly seconds: number;
}

export class RasterSegmenter {
  readonly card: ModelCard;
  /** The one size of image that the file takes; undefined where it takes any. */
  readonly fixedSize: { readonly height: number; readonly width: number } | undefined;
  // A session holds the weights, so each set of results that is wanted has one, made when it first is.
  private readonly sessions = new Map<string, Promise<Session>>();
  /** Settles when the run before has ended: one at a time, each with all threads. */
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;

  /**
   * @param model as `exportGraph` writes it. @param name what messages call it: the file's path.
   * @throws PixelwiseError `model-file` where it is another kind of file.
   */
  constructor(
    private readonly model: OnnxModel,
    readonly runtime: Runtime,
    readonly name: string,
  ) {
    this.card = parseCard(model.metadata[CARD_KEY], name);
    const image = model.graph.inputs.find((value) => value.name === IMAGE);
    if (image?.dims === undefined) {
      const bare = model.graph.inputs.some((value) => value.name === MODEL_INPUT);
      throw new PixelwiseError(
        'model-file',
        `${name} has no input "${IMAGE}"` +
          (bare ? ': it was exported with --bare, for programs that do the rest themselves. ' : '. ') +
          'Export the run again without --bare.',
      );
    }
    const [, height, width] = image.dims;
    this.fixedSize = typeof height === 'number' && typeof width === 'number' ? { height, width } : undefined;
  }

  /** Channels of `logits`: the classes, or 1 where one logit tells two classes apart. */
  get logitChannels(): number {
    const { nodes } = this.model.graph;
    const sigmoid = nodes.some(({ opType, inputs }) => opType === 'Sigmoid' && inputs[0] === LOGITS);
    return sigmoid ? 1 : this.card.classes.length;
  }

  /** The model as an exported file. */
  toBytes(): Uint8Array {
    return encodeModel(this.model);
  }

  /** The mask of an image. @param imageName what messages call it. */
  async segment(image: Raster, options: SegmentOptions = {}, imageName?: string): Promise<Segmentation> {
    checkCleanOptions(options);
    const segmented = await this.look(image, options, imageName);
    const background = backgroundClass(this.card.classes);
    return { ...segmented, mask: cleanMask(segmented.mask, { background, ...options }) };
  }

  private async look(image: Raster, options: SegmentOptions, imageName?: string): Promise<Segmentation> {
    if (options.tile !== undefined || (options.tta ?? false) !== false) {
      return segmentInViews(this, image, options, imageName);
    }
    const wanted: GraphValue[] = options.probabilities ? [MASK, PROBABILITIES] : [MASK];
    const { mask, probabilities, seconds } = await this.run(image, wanted, options, imageName);
    const { width, height } = image;
    return {
      mask: { width, height, data: mask! },
      ...(probabilities && {
        probabilities: { width, height, channels: this.card.classes.length, data: probabilities },
      }),
      width,
      height,
      seconds,
      image,
    };
  }

  /**
   * Runs the graph on an image and gives values of it as they are there: `mask` and `probabilities` at the
   * size of the image, `logits` and `scores` at the model's size.
   *
   * @param imageName what messages call the image.
   */
  async run(
    image: Raster,
    wanted: readonly GraphValue[],
    options: Pick<SegmentOptions, 'threshold' | 'signal'> = {},
    imageName?: string,
  ): Promise<GraphResults> {
    return (await this.evaluate(image, wanted, options, imageName)) as unknown as GraphResults;
  }

  /** Values of the graph by the names that they have inside it, float32. */
  async valuesInside(image: Raster, names: readonly string[]): Promise<Record<string, Float32Array>> {
    return (await this.evaluate(image, names)) as unknown as Record<string, Float32Array>;
  }

  private async evaluate(
    image: Raster,
    wanted: readonly string[],
    { threshold, signal }: Pick<SegmentOptions, 'threshold' | 'signal'> = {},
    imageName = 'image in memory',
  ): Promise<Record<string, TensorData | number>> {
    const limit = this.thresholdOf(threshold);
    const feeds = [this.imageFeed(image, imageName)];
    if (wanted.includes(MASK) && limit !== undefined) {
      const value = Float32Array.of(limit);
      feeds.push({ name: THRESHOLD, dtype: 'float32', shape: [], view: transferredView(value) });
    }
    const work = this.turn.then(async () => {
      signal?.throwIfAborted();
      const session = await this.session(wanted);
      const started = performance.now();
      const results = await session.run(feeds, [], wanted);
      return { ...results, seconds: (performance.now() - started) / 1000 };
    });
    this.turn = work.catch(() => undefined);
    const results = await work;
    signal?.throwIfAborted();
    return results;
  }

  /**
   * From which probability on a pixel is of class 1: `threshold`, or else the model's own; undefined where there
   * are more than two classes. Throws UsageError for a threshold that cannot be used.
   */
  thresholdOf(threshold?: number): number | undefined {
    const { card } = this;
    if (threshold !== undefined) checkThreshold(threshold);
    if (card.classes.length === 2) return threshold ?? card.threshold ?? DEFAULT_THRESHOLD;
    if (threshold === undefined) return undefined;
    throw new UsageError(
      `${this.name} tells ${card.classes.length} classes apart: the most probable one is taken, and no threshold.`,
    );
  }

  /** Frees the sessions, once the runs that were asked for have ended. The runtime stays open. */
  async close(): Promise<void> {
    this.closed = true;
    await this.turn;
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    await Promise.all(sessions.map(async (session) => (await session).release()));
  }

  /** The same as {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A copy of the pixels, as the graph takes them: memory that is fed is lent away. */
  private imageFeed(image: Raster, imageName: string): Binding {
    const { channels, maxValue } = this.card;
    const { width, height, data } = this.fitting(image, imageName);
    const shape = [1, height, width, channels];
    if (this.wideInput) {
      return { name: IMAGE, dtype: 'int32', shape, view: transferredView(new Int32Array(data)) };
    }
    if (maxValue === 1)
      return { name: IMAGE, dtype: 'float32', shape, view: transferredView(new Float32Array(data)) };
    return { name: IMAGE, dtype: 'uint8', shape, view: transferredView(new Uint8Array(data)) };
  }

  /** The image in the channels and bits of the model. */
  private fitting(image: Raster, imageName: string): Raster {
    const { width, height, channels, data } = image;
    const whole = [width, height, channels].every((n) => Number.isInteger(n) && n >= 1);
    if (!whole || data.length !== width * height * channels) {
      throw new ShapeError(
        `${imageName}: ${data.length} values are no image of ${width}×${height} pixels and ${channels} channels.`,
      );
    }
    const { fixedSize, card } = this;
    if (fixedSize && (width !== fixedSize.width || height !== fixedSize.height)) {
      throw new ShapeError(
        `${imageName} is ${width}×${height}; ${this.name} was exported for ${fixedSize.width}×${fixedSize.height} alone. ` +
          'Export the run again with --size free.',
      );
    }
    try {
      return conform(image, card, imageName);
    } catch (cause) {
      const given = `${channels} channels of ${depthName(maxValueOf(data))}`;
      throw new PixelwiseError(
        'image-channels',
        `${imageName} has ${given}; ${this.name} was trained on ${card.channels} channels of ${depthName(card.maxValue)}. ` +
          'Convert the image first.',
        { cause },
      );
    }
  }

  /** Whether pixels are fed as int32: runtimes have no 16-bit tensors of ours, and some no bytes. */
  private get wideInput(): boolean {
    const { maxValue } = this.card;
    return maxValue === 65535 || (maxValue === 255 && !this.runtime.target.allIntegers);
  }

  private session(wanted: readonly string[]): Promise<Session> {
    if (this.closed) {
      return Promise.reject(new UsageError(`${this.name} was closed; load it again to segment more.`));
    }
    const key = wanted.join();
    let session = this.sessions.get(key);
    if (!session) {
      session = this.runtime.load(encodeModel(this.variant(wanted)));
      this.sessions.set(key, session);
      session.catch(() => this.sessions.delete(key));
    }
    return session;
  }

  /** The same graph with the outputs wanted, fed as this runtime can, and its threshold an input. */
  private variant(wanted: readonly string[]): OnnxModel {
    const cut = withOutputs(
      this.model,
      wanted.map((name) => VALUE_TYPES[name] ?? { name, dataType: 'float32', dims: undefined }),
    );
    const { graph } = cut;
    const inputs = graph.inputs.map((value): ValueInfo => {
      return value.name === IMAGE && this.wideInput ? { ...value, dataType: 'int32' } : value;
    });
    const threshold = graph.initializers.find((value) => value.name === THRESHOLD);
    if (threshold) inputs.push({ name: THRESHOLD, dataType: 'float32', dims: [] });
    const initializers = graph.initializers.filter((value) => value !== threshold);
    return { ...cut, graph: { ...graph, inputs, initializers } };
  }
}
