/**
 * Runs an exported model: pixels in, masks out. It uses neither files nor Node, so it also runs in a browser;
 * `segmenter.ts` adds files.
 */
import { conform, depthName } from '../data/conform.js';
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import { asLuminance } from '../images/rgba.js';
import { maxValueOf, type Raster } from '../images/raster.js';
import { isBinary } from '../labels/label-set.js';
import { LOGITS, MODEL_INPUT } from '../models/prediction-graph.js';
import { allFinite } from '../nn/finite.js';
import type { ExternalData, OnnxModel, ValueInfo } from '../onnx/index.js';
import { energyBytes } from '../objects/index.js';
import { encodeModel, float32Values, int, nodeFor } from '../onnx/index.js';
import type { TensorData } from '../graph/index.js';
import type { Binding, Runtime, Session } from '../runtime/index.js';
import { transferredView } from '../runtime/index.js';
import { cleanPrediction } from './clean-prediction.js';
import { checkCleanOptions } from './components.js';
import {
  hasSingleLogit,
  IMAGE,
  MASK,
  PROBABILITIES,
  SCORES,
  SEPARATION,
  THRESHOLD,
  withOutputs,
} from './export-graph.js';
import { isBeyondGraph, maskFromScores } from './mask-from-scores.js';
import type { ModelCard } from './model-card.js';
import { CARD_KEY, checkThreshold, DEFAULT_THRESHOLD, outputsOf, parseCard } from './model-card.js';
import { objectsIn, probabilityIn } from './segmented-objects.js';
import { confidenceOf } from './confidence.js';
import { objectsToGeoJson } from './object-outlines.js';
import { maskToGeoJson } from './outlines.js';
import {
  type AskedOptions,
  checkSegmentOptions,
  type Segmentation,
  type SegmentationWith,
  type SegmentOptions,
} from './segmentation.js';
import { isInViews, segmentInViews } from './views.js';

/** What is predicted of every pixel of an image. */
export interface WholeSegmentation extends Omit<Segmentation, 'decodeSeconds'> {
  /** H×W, of a model of objects: how far inside its object a pixel is, 0 … 1. */
  readonly separation?: Float32Array;
}

/** Values of the graph that a run can return. */
export type GraphValue =
  typeof MASK | typeof PROBABILITIES | typeof LOGITS | typeof SCORES | typeof SEPARATION;

const VALUE_TYPES: Readonly<Record<string, ValueInfo>> = {
  [MASK]: { name: MASK, dataType: 'uint8', dims: [1, 'height', 'width'] },
  [PROBABILITIES]: { name: PROBABILITIES, dataType: 'float32', dims: [1, 'classes', 'height', 'width'] },
  [SEPARATION]: { name: SEPARATION, dataType: 'float32', dims: [1, 'height', 'width'] },
  [LOGITS]: { name: LOGITS, dataType: 'float32', dims: [1, 'channels', 'modelHeight', 'modelWidth'] },
  [SCORES]: { name: SCORES, dataType: 'float32', dims: [1, 'channels', 'modelHeight', 'modelWidth'] },
};

/** The sum of all logits, which every run returns too: it is finite only if they are. */
const CHECKED_SUM = 'checked_sum';

export interface GraphResults {
  readonly mask?: Uint8Array;
  readonly probabilities?: Float32Array;
  readonly logits?: Float32Array;
  readonly scores?: Float32Array;
  readonly separation?: Float32Array;
  readonly seconds: number;
}

export class RasterSegmenter {
  readonly card: ModelCard;
  /** The only image size that can be segmented; undefined if any can. A model of patches takes any, in tiles. */
  readonly fixedSize: { readonly height: number; readonly width: number } | undefined;
  // One session per set of outputs, created on first use, because each session holds the weights.
  private readonly sessions = new Map<string, Promise<Session>>();
  /** Settles when the previous run has ended. Runs are sequential, each with all threads. */
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;

  /**
   * @param model a model written by `exportGraph`. @param name its name in messages, such as the file's path.
   * @throws PixelwiseError `model-file` for other models.
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
          (bare ? ': it was exported with --bare, without pre- and postprocessing. ' : '. ') +
          'Export the run again without --bare.',
      );
    }
    const [, height, width] = image.dims;
    const isFixed = typeof height === 'number' && typeof width === 'number';
    this.fixedSize = isFixed && !this.card.patch ? { height, width } : undefined;
  }

  /** Channels of `logits`: the number of classes, or 1 for a single logit that separates two classes. */
  get logitChannels(): number {
    return !this.card.multiLabel && hasSingleLogit(this.model.graph) ? 1 : outputsOf(this.card);
  }

  /** Encodes the model as an exported file. */
  toBytes(): Uint8Array {
    return encodeModel(this.model);
  }

  /**
   * Segments an image.
   *
   * @param imageName its name in messages, if the options have none.
   * @throws PixelwiseError if the image does not fit the model, UsageError for wrong options.
   */
  async segment<P extends boolean = false, C extends boolean = false, O extends boolean = false>(
    image: Raster,
    options?: AskedOptions<P, C, O>,
    imageName?: string,
  ): Promise<SegmentationWith<P, C, O>>;
  async segment(image: Raster, options: SegmentOptions = {}, imageName?: string): Promise<Segmentation> {
    checkSegmentOptions(options);
    checkCleanOptions(options);
    const { card } = this;
    const { probabilities: wanted = false, confidence = false, name = imageName } = options;
    const pixels = options.luminance && card.channels === 1 ? asLuminance(image) : image;
    const asked = { ...options, probabilities: wanted || confidence };
    const { separation, probabilities, ...whole } = await this.segmentWhole(pixels, asked, name);
    const found =
      separation === undefined
        ? { mask: cleanPrediction(whole.mask, card, options) }
        : objectsIn(
            whole.mask,
            energyBytes(separation),
            probabilityIn(probabilities!.data, separation.length),
            options,
          );
    const result: Segmentation = {
      ...whole,
      ...found,
      image,
      decodeSeconds: 0,
      ...(wanted && { probabilities: probabilities! }),
      ...(confidence && { confidence: confidenceOf(found.mask.data, probabilities!.data, card.multiLabel) }),
    };
    return options.outlines ? { ...result, outlines: outlinesOf(result, card, name) } : result;
  }

  /** Starts to load what {@link segment} will run, for images that are still to be decoded. */
  prepare(options: SegmentOptions): void {
    if (isInViews(this.card, options)) return;
    // An error is thrown by the first image.
    this.session(this.wantedFor(options)).catch(() => undefined);
  }

  /** What a run on a whole image returns. */
  private wantedFor({ probabilities, confidence }: SegmentOptions): GraphValue[] {
    const { objects } = this.card;
    const wanted: GraphValue[] = probabilities || confidence || objects ? [MASK, PROBABILITIES] : [MASK];
    return objects ? [...wanted, SEPARATION] : wanted;
  }

  private async segmentWhole(
    image: Raster,
    options: SegmentOptions,
    imageName?: string,
  ): Promise<WholeSegmentation> {
    if (isInViews(this.card, options)) {
      return segmentInViews(this, image, options, imageName);
    }
    const beyond = isBeyondGraph(image.width, image.height, this.card.classes.length);
    const wanted = this.wantedFor(options);
    const maskOnly = wanted.length === 1;
    const large = beyond && maskOnly && (await this.segmentLarge(image, options, imageName));
    if (large) return large;
    const { mask, probabilities, separation, seconds } = await this.run(image, wanted, options, imageName);
    const { width, height } = image;
    return {
      mask: { width, height, data: mask! },
      ...(probabilities && {
        probabilities: { width, height, channels: this.card.classes.length, data: probabilities },
      }),
      ...(separation && { separation }),
      width,
      height,
      seconds,
      image,
    };
  }

  /** Segments an image whose mask is made from the scores; undefined if they do not have the model's size. */
  private async segmentLarge(
    image: Raster,
    options: SegmentOptions,
    imageName?: string,
  ): Promise<WholeSegmentation | undefined> {
    const started = performance.now();
    const { width, height } = image;
    const { card } = this;
    const threshold = this.thresholdOf(options.threshold);
    const { scores } = await this.run(image, [SCORES], options, imageName);
    const channels = isBinary(card) ? 1 : card.classes.length;
    if (scores!.length !== channels * card.height * card.width) return undefined;
    const planes = { width: card.width, height: card.height, channels, data: scores! };
    const data = await maskFromScores(
      planes,
      image,
      { threshold, multiLabel: card.multiLabel },
      options.signal,
    );
    const seconds = (performance.now() - started) / 1000;
    return { mask: { width, height, data }, width, height, seconds, image };
  }

  /**
   * Runs the graph on an image and returns some of its values: `mask` and `probabilities` at the size of the image,
   * `logits` and `scores` at the model's size.
   *
   * @param imageName name of the image in messages.
   */
  async run(
    image: Raster,
    wanted: readonly GraphValue[],
    options: Pick<SegmentOptions, 'threshold' | 'signal'> = {},
    imageName?: string,
  ): Promise<GraphResults> {
    return (await this.evaluate(image, wanted, options, imageName)) as unknown as GraphResults;
  }

  /** Returns float32 values of the graph by their internal names. */
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
      const { [CHECKED_SUM]: sum, ...results } = await session.run(feeds, [], this.withCheck(wanted));
      if (sum !== undefined && !Number.isFinite(Number(sum[0]))) throw this.nonFiniteError(imageName);
      return { ...results, seconds: (performance.now() - started) / 1000 };
    });
    this.turn = work.catch(() => undefined);
    const results = await work;
    signal?.throwIfAborted();
    return results;
  }

  /**
   * The effective threshold: `threshold` or the model's; undefined if the most probable of several classes is chosen.
   * Throws UsageError for an invalid `threshold`.
   */
  thresholdOf(threshold?: number): number | undefined {
    const { card } = this;
    if (threshold !== undefined) checkThreshold(threshold);
    if (isBinary(card) || card.multiLabel) return threshold ?? card.threshold ?? DEFAULT_THRESHOLD;
    if (threshold === undefined) return undefined;
    throw new UsageError(
      `${this.name} has ${card.classes.length} classes and chooses the most probable one; a threshold applies to two classes only.`,
    );
  }

  /** Frees the sessions after the pending runs. The runtime stays open. */
  async close(): Promise<void> {
    this.closed = true;
    await this.turn;
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    await Promise.all(sessions.map(async (session) => (await session).release()));
  }

  /** Calls {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Copies the pixels for the graph, because the runtime takes ownership of the memory of its inputs. */
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

  /** Converts the image to the model's channels and bit depth. */
  private fitting(image: Raster, imageName: string): Raster {
    const { width, height, channels, data } = image;
    const whole = [width, height, channels].every((n) => Number.isInteger(n) && n >= 1);
    if (!whole || data.length !== width * height * channels) {
      throw new ShapeError(
        `${imageName}: an image of ${width}×${height} pixels and ${channels} channels needs ${width * height * channels} values; got ${data.length}.`,
      );
    }
    const { fixedSize, card } = this;
    if (card.patch && (width !== card.width || height !== card.height)) {
      throw new ShapeError(
        `${imageName} is ${width}×${height}; ${this.name} takes tiles of ${card.width}×${card.height}. Use segment(), which cuts them.`,
      );
    }
    if (fixedSize && (width !== fixedSize.width || height !== fixedSize.height)) {
      throw new ShapeError(
        `${imageName} is ${width}×${height}; ${this.name} was exported for ${fixedSize.width}×${fixedSize.height} only. ` +
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

  /** Whether pixels are passed as int32: runtimes have no uint16 tensors, and some have no uint8. */
  private get wideInput(): boolean {
    const { maxValue } = this.card;
    return maxValue === 65535 || (maxValue === 255 && !this.runtime.target.allIntegers);
  }

  private session(wanted: readonly string[]): Promise<Session> {
    if (this.closed) {
      return Promise.reject(new UsageError(`${this.name} is closed; load it again.`));
    }
    const key = wanted.join();
    let session = this.sessions.get(key);
    if (!session) {
      session = this.load(this.variant(wanted));
      this.sessions.set(key, session);
      session.catch(() => this.sessions.delete(key));
    }
    return session;
  }

  /** Constants that lie in files of one folder are read by the runtime from there. */
  private load(model: OnnxModel): Promise<Session> {
    const places = new Map<string, ExternalData>();
    let folder: string | undefined;
    for (const { name, place } of model.graph.initializers) {
      const cut = place === undefined ? -1 : place.path.lastIndexOf('/');
      if (place === undefined || cut < 0) continue;
      folder ??= place.path.slice(0, cut);
      if (folder !== place.path.slice(0, cut)) continue;
      const { offset, length } = place;
      places.set(name, { location: place.path.slice(cut + 1), offset, length });
    }
    return this.runtime.load(
      encodeModel(model, places),
      folder === undefined ? {} : { constantsFolder: folder },
    );
  }

  /** The values that a run returns for `wanted`: results of the model come with the sum of its logits. */
  private withCheck(wanted: readonly string[]): readonly string[] {
    const { nodes } = this.model.graph;
    const checked =
      wanted.some((name) => name in VALUE_TYPES) && nodes.some(({ outputs }) => outputs.includes(LOGITS));
    return checked ? [...wanted, CHECKED_SUM] : wanted;
  }

  private nonFiniteError(imageName: string): PixelwiseError {
    const { initializers } = this.model.graph;
    const bad = initializers.find(
      (value) => value.dataType === 'float32' && !allFinite(float32Values(value)),
    );
    const why = bad ? `its weight ${bad.name} is not finite, so the file is damaged` : 'its numbers overflow';
    return new PixelwiseError(
      'non-finite',
      `${imageName}: ${this.name} computes NaN or infinity instead of scores (${why}). No mask was made. Restore the model from a copy, or use another checkpoint.`,
    );
  }

  /** The graph with the requested outputs, an input type that the runtime supports, and the threshold as an input. */
  private variant(wanted: readonly string[]): OnnxModel {
    const { graph: whole } = this.model;
    // Reduces all axes. Kernels on the graphics processor may assume that x·0 is 0, so the logits are not multiplied.
    const nodes = [...whole.nodes, nodeFor(CHECKED_SUM, 'ReduceSum', [LOGITS], { keepdims: int(0) })];
    const cut = withOutputs(
      { ...this.model, graph: { ...whole, nodes } },
      this.withCheck(wanted).map(
        (name) => VALUE_TYPES[name] ?? { name, dataType: 'float32', dims: undefined },
      ),
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

function outlinesOf({ mask, objects, image }: Segmentation, { classes, multiLabel }: ModelCard, name = '') {
  return objects
    ? objectsToGeoJson(objects, classes, name, image)
    : maskToGeoJson(mask, classes, { multiLabel });
}
