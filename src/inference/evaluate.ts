/**
 * Scores a model on labelled images. By default, masks are compared at the size of the images, as in use. Losses
 * are computed at the model's size, as in training.
 */
import type { Dataset, Sample } from '../data/dataset.js';
import { sampleWindow } from '../data/padded-window.js';
import { tileStarts } from '../data/tile-starts.js';
import type { Communicator } from '../distributed/index.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { input, reshape } from '../graph/index.js';
import { backgroundClass } from '../images/palette.js';
import { isBinary } from '../labels/label-set.js';
import type { ClassMask } from '../images/raster.js';
import type { Planes } from '../images/resize.js';
import { resizeMask } from '../images/resize.js';
import type {
  Calibration,
  LossValues,
  SampleMetric,
  SampleScores,
  ScoreIntervals,
  Scores,
  ThresholdScore,
} from '../metrics/index.js';
import {
  meanMetrics,
  metricsOf,
  sampleScores,
  ScoreAccumulator,
  ScoreBootstrap,
  ThresholdSweep,
} from '../metrics/index.js';
import type { LossTerm } from '../nn/index.js';
import type { ImageMatches, ObjectMap, ObjectMask, ObjectMatching, ObjectScores } from '../objects/index.js';
import {
  energyBytes,
  levelsOf,
  ObjectScorer,
  objectsOfCodes,
  objectsOfMask,
  summaryOfMatching,
} from '../objects/index.js';
import type { TargetMap } from '../nn/target-map.js';
import { sumOfLosses } from '../nn/index.js';
import { targetMapsBehind } from '../nn/target-map.js';
import type { Runtime } from '../runtime/index.js';
import { Program, transferredView } from '../runtime/index.js';
import type { CleanOptions } from './components.js';
import { cleanPrediction } from './clean-prediction.js';
import { checkCleanOptions } from './components.js';
import { decideMask } from './decide.js';
import { membersOfSets } from '../training/step.js';
import { inOrder } from './in-order.js';
import { ProbabilityScorer } from './probability-scorer.js';
import { isInViews } from './views.js';
import { SharedScoring } from './shared-scoring.js';
import type { ModelCard } from './model-card.js';
import { DEFAULT_THRESHOLD } from './model-card.js';
import type { GraphResults, GraphValue, RasterSegmenter } from './raster-segmenter.js';
import type { SegmentedObjects, ViewOptions } from './segmentation.js';
import { objectsIn, probabilityIn } from './segmented-objects.js';

export interface EvaluateOptions extends ViewOptions, CleanOptions {
  /** Indices of the samples to score, in this order; default all. */
  readonly indices?: readonly number[] | undefined;
  /** The size at which masks are compared: the image's (default), or the model's, as often in publications. */
  readonly scoreAt?: 'source' | 'model' | undefined;
  /** Losses to report, averaged over the samples. Default none. */
  readonly losses?: readonly LossTerm[] | undefined;
  /** The threshold, for two classes only; default: the model's. */
  readonly threshold?: number | undefined;
  /** Batch size for `softDice`, which is averaged over batches; default 1. */
  readonly batch?: number | undefined;
  /**
   * Further scores of each sample, by name: those of `OUTLINE_METRICS`, or your own. Their means are in
   * `metrics`. Default none.
   */
  readonly metrics?: Readonly<Record<string, SampleMetric>> | undefined;
  /** Called after each sample. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Called with each sample and its prediction. A returned promise is awaited. */
  readonly onSample?: ((scored: ScoredSample) => void | Promise<void>) | undefined;
  /** Whether {@link onSample} also receives probabilities. Default false; not with `scoreAt: 'model'`. */
  readonly probabilities?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Distributes the samples over ranks. Rank 0 returns the scores of all samples, the others of their own. */
  readonly communicator?: Communicator | undefined;
}

/** A sample with its prediction. */
export interface ScoredSample {
  readonly index: number;
  readonly sample: Sample;
  /** At the size at which masks are compared. */
  readonly prediction: ClassMask;
  /** K×H×W at the size of the image, if requested. */
  readonly probabilities?: Planes;
  readonly scores: SampleScores;
}

/** Scores over all samples, and of each sample. */
export interface Evaluation extends Scores {
  /** Pixels by true class (rows) and predicted class (columns). */
  readonly confusion: readonly (readonly number[])[];
  /** How far chance moves the scores; absent for a few images. */
  readonly intervals?: ScoreIntervals;
  /** How far probabilities can be taken at their word; absent if they were not computed. */
  readonly calibration?: Calibration;
  readonly perSample: readonly SampleScores[];
  /** The means of {@link EvaluateOptions.metrics} over the samples that have a value. */
  readonly metrics?: Readonly<Record<string, number | null>>;
}

/** Number of samples decoded ahead. */
const AHEAD = 3;

/** Prediction and truth of a sample at the same size; for two classes also the probability of class 1. */
interface ComparedMasks {
  readonly prediction: ClassMask;
  readonly target: Uint8Array;
  readonly foreground: Float32Array | undefined;
}

/**
 * Scores a model on samples of a data set.
 *
 * @throws UsageError if the data set's classes are not the model's. Errors of the data set for unreadable samples
 *   are passed on.
 */
export async function evaluate(
  segmenter: RasterSegmenter,
  dataset: Dataset,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { card } = segmenter;
  const { indices = allOf(dataset), threshold, batch = 1, metrics, signal, communicator } = options;
  // The scale of a model of patches is that of the images.
  const scoreAt = card.patch ? 'source' : (options.scoreAt ?? 'source');
  checkClasses(segmenter, dataset);
  checkCleanOptions(options);
  const { multiLabel } = card;
  const background = multiLabel ? null : backgroundClass(card.classes);
  // With two classes, class 1 is the foreground, whatever its name: the model outputs its probability.
  const scored = { classNames: card.classes, multiLabel, background: isBinary(card) ? 0 : background };
  const foreground = card.classes.flatMap((_, k) => (k === scored.background ? [] : [k]));
  const accumulator = new ScoreAccumulator(scored);
  const shared = communicator && (await SharedScoring.deal(communicator, dataset, indices, batch));
  const own = shared ? shared.positions.map((position) => indices[position]!) : indices;
  const soft = new SoftDiceBatches(batch, (probabilities, target) => {
    const value = accumulator.softDiceOf(probabilities, target);
    accumulator.addSoftDice(value);
    shared?.keepSoftDice(value);
  });
  const perSample: SampleScores[] = [];
  const objectScorer = new SampleObjectScorer();
  const bootstrap = () => new ScoreBootstrap(card.classes.length, multiLabel ?? false, scored);
  const chance = bootstrap();
  const probabilityScorer = new ProbabilityScorer(card);
  // The losses of a model of objects are those of the objects.
  const hasTarget = !card.objects || dataset.tellsObjects === true;
  const losses =
    options.losses?.length && hasTarget
      ? await LossProgram.compile(card, options.losses, segmenter)
      : undefined;
  const predict = predictionOf(segmenter, scoreAt, losses !== undefined, options);
  try {
    const samples = inOrder(
      own,
      AHEAD,
      async (index) => ({ index, sample: await dataset.get(index) }),
      signal,
    );
    for await (const { index, sample } of samples) {
      const results = await predict(sample);
      const compared = compare(sample, results, card, scoreAt, threshold ?? card.threshold);
      const found = scoreAt === 'source' ? foundIn(results, compared.prediction, options) : undefined;
      const prediction = found?.mask ?? cleanPrediction(compared.prediction, card, options);
      const matching =
        sample.objects && scoreAt === 'source'
          ? objectScorer.add(sample.objects, found?.objects ?? objectsOfMask(prediction, background))
          : undefined;
      const group = dataset.groups?.[index];
      const counts = accumulator.addSample(prediction.data, compared.target, group);
      chance.add(counts, group);
      const examined = probabilitiesOf(results, sample, card);
      const labelDoubt = examined && probabilityScorer.add(examined.planes, examined.target);
      if (compared.foreground) soft.add(compared.foreground, compared.target);
      const values = await (card.patch
        ? losses?.overTiles(segmenter, sample)
        : losses?.of(results.logits!, sample));
      if (values) accumulator.addLoss(values, 1);
      const { width: columns, height: rows } = prediction;
      const masks = { prediction: prediction.data, target: compared.target, height: rows, width: columns };
      const scores: SampleScores = {
        ...sampleScores(sample.id, counts, values, background),
        ...(labelDoubt && { labelDoubt }),
        ...(matching && { objects: summaryOfMatching(matching) }),
        ...(metrics && { metrics: metricsOf(metrics, { ...masks, classes: foreground, multiLabel }) }),
      };
      perSample.push(scores);
      const calibration = probabilityScorer.takeCounts();
      shared?.keep({ counts, losses: values, scores, objects: matching && objectScorer.last, calibration });
      const { width, height } = sample.image;
      await options.onSample?.({
        index,
        sample,
        prediction,
        ...(options.probabilities && {
          probabilities: { width, height, channels: card.classes.length, data: results.probabilities! },
        }),
        scores,
      });
      options.onProgress?.(perSample.length, own.length);
    }
  } finally {
    await losses?.release();
  }
  soft.flush();
  const means = (samples: readonly SampleScores[]) =>
    metrics && { metrics: meanMetrics(Object.keys(metrics), samples) };
  const whole = await shared?.gather(
    {
      accumulator: new ScoreAccumulator(scored),
      chance: bootstrap(),
      probabilities: new ProbabilityScorer(card),
    },
    (position) => dataset.groups?.[indices[position]!],
  );
  const all = whole ?? {
    accumulator,
    chance,
    probabilities: probabilityScorer,
    perSample,
    objects: objectScorer.scores(),
  };
  const intervals = all.chance.intervals();
  return {
    ...all.accumulator.scores(),
    ...all.objects,
    ...means(all.perSample),
    confusion: all.accumulator.counts.rows(),
    ...(intervals && { intervals }),
    ...all.probabilities.scores(),
    perSample: all.perSample,
  };
}

/**
 * The probabilities of a sample, and the truth at the same size: those of the model's size, or of the image if it was
 * predicted in views. Undefined if they were not computed.
 */
function probabilitiesOf(
  { scores, probabilities }: PredictedSample,
  { image, mask }: Sample,
  card: ModelCard,
): { planes: Planes; target: ClassMask } | undefined {
  const channels = isBinary(card) ? 1 : card.classes.length;
  if (scores !== undefined) {
    const { width, height } = card;
    // The scores of a model of objects end with the separation. Graphs of a fixed size may have another size inside.
    if (scores.length < channels * width * height) return undefined;
    const data = scores.subarray(0, channels * width * height);
    return { planes: { width, height, channels, data }, target: resizeMask(mask, width, height) };
  }
  if (probabilities === undefined) return undefined;
  const { width, height } = image;
  const data = isBinary(card) ? foregroundOf({ probabilities }) : probabilities;
  return { planes: { width, height, channels, data }, target: mask };
}

/** In views, the probabilities of more classes are computed only if they are not more than this. */
const MOST_IN_VIEWS = 2 ** 24;

/** What is predicted of a sample; the objects if they were found already. */
type PredictedSample = Partial<GraphResults> & { readonly objects?: SegmentedObjects };

/** The objects that a model of objects predicts, with the mask of their classes; undefined for other models. */
function foundIn(
  { objects, separation, probabilities }: PredictedSample,
  mask: ClassMask,
  options: CleanOptions,
): { mask: ClassMask; objects: SegmentedObjects } | undefined {
  if (objects) return { mask, objects };
  if (!separation) return undefined;
  return objectsIn(mask, energyBytes(separation), probabilityIn(probabilities!, separation.length), options);
}

/** Scores the objects of samples. */
class SampleObjectScorer {
  private readonly scorer = new ObjectScorer();

  add(truth: ObjectMask, predicted: ObjectMap & { readonly probabilities?: Float32Array }): ObjectMatching {
    const { ignored, ...objects } = objectsOfCodes(truth);
    const { probabilities: scores } = predicted;
    return this.scorer.add(objects, predicted, { ignored, ...(scores && { scores }) });
  }

  /** The latest sample, to be sent to another process. */
  get last(): ImageMatches | undefined {
    return this.scorer.matches.at(-1);
  }

  /** Nothing if no sample told objects apart. */
  scores(): { objects?: ObjectScores } {
    return this.scorer.matches.length === 0 ? {} : { objects: this.scorer.scores() };
  }
}

/** How to predict a sample: by one run of the graph, or in tiles and with test-time augmentation. */
function predictionOf(
  segmenter: RasterSegmenter,
  scoreAt: 'source' | 'model',
  withLogits: boolean,
  options: EvaluateOptions,
): (sample: Sample) => Promise<PredictedSample> {
  const { tile, overlap, tta, threshold, signal, keepLargest, minArea, fillHoles } = options;
  const cleaning = { keepLargest, minArea, fillHoles };
  const { card } = segmenter;
  const binary = isBinary(card);
  const objects = card.objects !== undefined && scoreAt === 'source';
  const probabilities = binary || objects || options.probabilities === true;
  if (options.probabilities && scoreAt === 'model') {
    throw new UsageError('Probabilities have the size of the image; use scoreAt "source".');
  }
  if (!isInViews(card, options)) {
    const wanted: GraphValue[] = scoreAt === 'model' ? ['scores'] : ['mask', 'scores'];
    if (scoreAt === 'source' && probabilities) wanted.push('probabilities');
    if (objects) wanted.push('separation');
    if (withLogits) wanted.push('logits');
    return ({ image, id }) => segmenter.run(image, wanted, { threshold, signal }, id);
  }
  if (scoreAt === 'model') {
    throw new UsageError(
      'Tiles and test-time augmentation give masks at the size of the image; use scoreAt "source".',
    );
  }
  return async ({ image, id }) => {
    // Without the options for cleaning: masks are cleaned later, at the size at which they are compared.
    const few = card.classes.length * image.width * image.height <= MOST_IN_VIEWS;
    const view = { tile, overlap, tta, threshold, signal, ...(objects && cleaning) };
    const segmented = await segmenter.segment(image, { ...view, probabilities: probabilities || few }, id);
    const whole = withLogits && !card.patch;
    const logits = whole ? (await segmenter.run(image, ['logits'], { signal }, id)).logits : undefined;
    return {
      mask: segmented.mask.data,
      ...(segmented.objects && { objects: segmented.objects }),
      ...(segmented.probabilities && { probabilities: segmented.probabilities.data }),
      ...(logits && { logits }),
    };
  };
}

/**
 * Finds the threshold with the highest Dice of class 1 over samples, at the size of the images. Scores on the same
 * samples are then optimistic: use the validation part.
 *
 * @returns null if no labelled pixel is class 1. @throws UsageError unless there are two classes.
 */
export async function chooseThreshold(
  segmenter: RasterSegmenter,
  dataset: Dataset,
  options: Pick<EvaluateOptions, 'indices' | 'onProgress' | 'signal' | keyof ViewOptions> = {},
): Promise<ThresholdScore | null> {
  if (!isBinary(segmenter.card)) {
    throw new UsageError(
      `A threshold needs a model with two classes; ${segmenter.name} has ${segmenter.card.classes.length}.`,
    );
  }
  checkClasses(segmenter, dataset);
  const { indices = allOf(dataset), onProgress, ...view } = options;
  const sweep = new ThresholdSweep();
  let done = 0;
  for await (const sample of inOrder(indices, AHEAD, (index) => dataset.get(index), view.signal)) {
    const { mask } = sample;
    const { probabilities } = await segmenter.segment(
      sample.image,
      { ...view, probabilities: true },
      sample.id,
    );
    sweep.add(probabilities!.data.subarray(mask.data.length), mask.data);
    onProgress?.(++done, indices.length);
  }
  return sweep.best();
}

function allOf(dataset: Dataset): number[] {
  return Array.from({ length: dataset.length }, (_, index) => index);
}

function checkClasses({ card, name }: RasterSegmenter, dataset: Dataset): void {
  const [ours, theirs] = [card.classes, dataset.classes];
  if ((card.multiLabel ?? false) !== (dataset.multiLabel ?? false)) {
    const [overlaps, other] = card.multiLabel ? [name, 'the data set'] : ['the data set', name];
    throw new UsageError(
      `The classes of ${overlaps} overlap, those of ${other} do not. Read the data ${card.multiLabel ? 'with' : 'without'} --multi-label.`,
    );
  }
  if (ours.length !== theirs.length) {
    throw new UsageError(
      `${name} has ${ours.length} classes (${ours.join(', ')}), the data set has ${theirs.length} ` +
        `(${theirs.join(', ')}). Use data with the classes that the model was trained on.`,
    );
  }
  const at = ours.findIndex((own, i) => own !== theirs[i]);
  if (at === -1) return;
  const reordered = ours.every((own) => theirs.includes(own));
  if (!reordered && (isGeneric(ours) || isGeneric(theirs))) return;
  throw new UsageError(
    `Class ${at} is "${ours[at]}" in ${name} and "${theirs[at]}" in the data set. The model's classes are ` +
      `${ours.join(', ')}; the data set's are ${theirs.join(', ')}. ` +
      (reordered
        ? 'The order differs: renumber the masks, or list the classes, in the order of the model.'
        : 'Use data with the classes that the model was trained on. If only the names differ, set them with --classes.'),
  );
}

/** Whether the names are placeholders for unnamed classes. Placeholders match any names. */
function isGeneric(names: readonly string[]): boolean {
  return names.every((name) => /^(background|foreground|class \d+)$/.test(name));
}

/** The probability of class 1 at the size of the image. */
function foregroundOf({ probabilities }: Partial<GraphResults>): Float32Array {
  return probabilities!.subarray(probabilities!.length / 2);
}

function compare(
  { image, mask }: Sample,
  results: Partial<GraphResults>,
  card: ModelCard,
  scoreAt: 'source' | 'model',
  threshold = DEFAULT_THRESHOLD,
): ComparedMasks {
  const binary = isBinary(card);
  if (scoreAt === 'source') {
    if (mask.width !== image.width || mask.height !== image.height) {
      throw new PixelwiseError(
        'size-mismatch',
        `The image has ${image.width}×${image.height} pixels, but its mask has ${mask.width}×${mask.height}.`,
      );
    }
    const foreground = binary ? foregroundOf(results) : undefined;
    const { width, height } = image;
    return { prediction: { width, height, data: results.mask! }, target: mask.data, foreground };
  }
  const { width, height } = card;
  // The scores of a model of objects end with the separation.
  const planes = binary ? 1 : card.classes.length;
  const scores = results.scores!.subarray(0, planes * width * height);
  const { multiLabel } = card;
  const decision = { threshold: binary || multiLabel ? threshold : undefined, multiLabel };
  const data = decideMask(scores, decision, new Uint8Array(width * height));
  return {
    prediction: { width, height, data },
    target: resizeMask(mask, width, height).data,
    foreground: binary ? scores : undefined,
  };
}

/** Collects the pixels of a batch of samples for one value of `softDice`. */
class SoftDiceBatches {
  private probabilities: Float32Array[] = [];
  private targets: Uint8Array[] = [];

  constructor(
    private readonly size: number,
    private readonly onBatch: (probabilities: Float32Array, target: Uint8Array) => void,
  ) {
    if (!Number.isInteger(size) || size < 1) {
      throw new UsageError(`batch must be a whole number of samples, 1 or more; got ${size}.`);
    }
  }

  add(probabilities: Float32Array, target: Uint8Array): void {
    this.probabilities.push(probabilities);
    this.targets.push(target);
    if (this.targets.length === this.size) this.flush();
  }

  flush(): void {
    if (this.targets.length === 0) return;
    const pixels = this.targets.reduce((sum, { length }) => sum + length, 0);
    const probabilities = new Float32Array(pixels);
    const target = new Uint8Array(pixels);
    let at = 0;
    for (const [i, part] of this.targets.entries()) {
      probabilities.set(this.probabilities[i]!, at);
      target.set(part, at);
      at += part.length;
    }
    this.onBatch(probabilities, target);
    this.probabilities = [];
    this.targets = [];
  }
}

/** Computes the losses of one sample from its logits and its mask at the model's size. */
class LossProgram {
  private constructor(
    private readonly program: Program,
    private readonly terms: readonly LossTerm[],
    private readonly maps: readonly TargetMap[],
    private readonly size: { readonly height: number; readonly width: number },
    private readonly ofObjects: boolean,
  ) {}

  static async compile(
    card: ModelCard,
    terms: readonly LossTerm[],
    segmenter: { readonly runtime: Runtime; readonly logitChannels: number },
  ): Promise<LossProgram> {
    const { height, width } = card;
    const logits = input('logits', [1, segmenter.logitChannels, height, width]);
    const masks = input('target', [1, height, width], 'uint8');
    const target = card.multiLabel ? membersOfSets(masks, segmenter.logitChannels) : masks;
    const values = terms.map(({ loss }) => loss(logits, target));
    const total = sumOfLosses(terms.map((term, i) => ({ ...term, loss: () => values[i]! })))(logits, target);
    const outputs = { loss: reshape(total, []) };
    const parts = values.map((value, i) => [`part${i}`, reshape(value, [])] as const);
    const maps = targetMapsBehind(values);
    const definition = {
      inputs: [logits, masks, ...maps],
      outputs: { ...outputs, ...Object.fromEntries(parts) },
    };
    const program = await Program.compile(definition, segmenter.runtime, { name: 'loss' });
    return new LossProgram(program, terms, maps, { height, width }, card.objects !== undefined);
  }

  /** The mean over tiles that cover a sample, as in the validation of a model of patches. */
  async overTiles(segmenter: RasterSegmenter, sample: Sample): Promise<LossValues> {
    const { id, image } = sample;
    const tops = tileStarts(image.height, this.size.height, 0);
    const lefts = tileStarts(image.width, this.size.width, 0);
    const values: LossValues[] = [];
    for (const { x, y } of tops.flatMap((top) => lefts.map((left) => ({ x: left, y: top })))) {
      const tile = sampleWindow(sample, { x, y, ...this.size });
      const { logits } = await segmenter.run(tile.image, ['logits'], {}, id);
      values.push(await this.of(logits!, tile));
    }
    const mean = (of: (each: LossValues) => number) =>
      values.reduce((sum, each) => sum + of(each), 0) / values.length;
    const names = Object.keys(values[0]!.losses);
    return {
      loss: mean(({ loss }) => loss),
      losses: Object.fromEntries(names.map((name) => [name, mean(({ losses }) => losses[name]!)])),
    };
  }

  async of(logits: Float32Array, { mask, objects }: Sample): Promise<LossValues> {
    const { width, height } = this.size;
    const target = this.ofObjects
      ? levelsOf(resizeMask(objects!, width, height))
      : resizeMask(mask, width, height).data;
    const maps = this.maps.map((map) => [map.name, transferredView(map.compute(target))] as const);
    const results = await this.program.run({
      logits: transferredView(logits),
      target: transferredView(target),
      ...Object.fromEntries(maps),
    });
    const losses = this.terms.map(({ name }, i) => [name, Number(results[`part${i}`]![0])] as const);
    // As in training, a single loss is the total and has no components.
    return {
      loss: Number(results.loss![0]),
      losses: this.terms.length > 1 ? Object.fromEntries(losses) : {},
    };
  }

  release(): Promise<void> {
    return this.program.release();
  }
}
