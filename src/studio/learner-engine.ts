/**
 * The learner's loop, in a thread of its own: takes labels, trains, predicts. Between two steps it looks what was asked
 * for; predictions go first, then new labels, then training.
 */
import { defaultNormalization, type Normalization } from '../data/normalization.js';
import { PixelwiseError } from '../errors/index.js';
import { maxValueOf, type Raster } from '../images/raster.js';
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import { ConfusionMatrix, meanDice, meanIoU, pixelAccuracy } from '../metrics/index.js';
import type { ModelValues } from '../models/index.js';
import type { NamedArray } from '../nn/index.js';
import type { Runtime } from '../runtime/index.js';
import type {
  Exported,
  HeldOutScores,
  ImageForPrediction,
  LabelsForLearning,
  LearnerEvent,
  LearnerKind,
  Prediction,
  TrainingStatus,
} from './learning.js';
import {
  classesOf,
  enlargedClasses,
  gridLabels,
  inputSize,
  type Logits,
  type ModelInput,
  toInput,
} from './model-grid.js';
import { NetworkLearner } from './network-learner.js';
import { type Maps, PixelLearner } from './pixel-learner.js';

/** A model by its name in the registry, and its options. */
export interface StudioModel {
  readonly name: string;
  readonly options: ModelValues;
}

/** A model with what it has learned, such as the one that is shown, to be exported. */
export interface ShownModel {
  readonly model: StudioModel;
  readonly classes: readonly string[];
  readonly input: ModelInput;
  readonly weights: readonly NamedArray[];
}

/** A trained model that predictions start from. */
export interface StartingModel extends ShownModel {
  /** What it is called in messages. */
  readonly source: string;
}

/** What the learner needs of where it runs: Node, or a page. */
export interface LearnerPlatform {
  /** Whether the network is compiled before the first labels: where that takes less time than to paint them. */
  readonly eager: boolean;
  openRuntime(): Promise<Runtime>;
  /** @param file as the labels name it. @param channels that are wanted; default: those of the file. */
  decode(file: string, channels?: number): Promise<Raster>;
  /** Values of a MobileNetV2 pretrained on ImageNet, by name; undefined if there are none. */
  encoder(channels: number): Promise<readonly NamedArray[] | undefined>;
  /** The model to start from; undefined for none. */
  start(): Promise<StartingModel | undefined>;
  export(shown: ShownModel, to: 'run' | 'onnx'): Promise<Exported>;
}

/** Bytes of images and of maps that are kept. */
const INPUT_BYTES = 2 ** 29;
const MAP_BYTES = 2 ** 29;

/** Steps of the network between two comparisons on held-out images. */
const COMPARED_EVERY = 20;
/** Held-out images that are compared, at most. */
const MOST_COMPARED = 12;
/** Steps before the network may take over. */
const LEAST_STEPS = 40;
/** Steps of the network after a correction before there is a new prediction, and milliseconds after which fewer do. */
const STEPS_TO_PREDICTION = 4;
const TIME_TO_PREDICTION = 1200;
/** Milliseconds in which the pages ask for a prediction that was announced. */
const ANSWER_TIME = 250;
/** Steps without new labels after which training pauses. */
const MOST_STEPS_WITHOUT_LABELS = 3000;

/** A file, and which version of it. */
type ImageFile = Pick<LabelsForLearning, 'file' | 'version'>;

/** An image with labels, in the model's size. */
interface Labelled extends ImageFile {
  readonly heldOut: boolean;
  readonly labels: Uint8Array;
  readonly changed: number;
}

export class LearnerEngine {
  private runtime: Runtime | undefined;
  private input: ModelInput | undefined;
  private encoder: readonly NamedArray[] | undefined;
  private pixels: PixelLearner | undefined;
  private network: NetworkLearner | undefined;
  private networkModel: StudioModel | undefined;
  private pixelsReady = false;
  private networkReady = false;
  private shown: LearnerKind | undefined;
  private readonly labelled = new Map<string, Labelled>();
  /** Labels that have come since the last look, by id. */
  private readonly incoming = new Map<string, LabelsForLearning>();
  private readonly waiting: (() => Promise<void>)[] = [];
  private readonly inputs = new BoundedCache<Float32Array>(INPUT_BYTES, (data) => data.byteLength);
  private readonly maps = new BoundedCache<Maps>(MAP_BYTES, (maps) =>
    maps.slice(1).reduce((sum, { byteLength }) => sum + byteLength, 0),
  );
  /** The image that was opened last. */
  private latest: ImageForPrediction | undefined;
  private changes = 0;
  private step = 0;
  private seconds = 0;
  private stepsSinceLabels = 0;
  /**
   * Whether the network is to make a step, or the comparison, before further labels are taken: strokes in quick
   * succession left them none.
   */
  private backgroundTurn = false;
  /** Whether there is a new prediction that nobody has asked for yet. */
  private announced = false;
  /** When labels came that the network, which is shown, has not answered with a new prediction. */
  private unanswered: number | undefined;
  private comparison: Comparison | undefined;
  private scores: Partial<Record<LearnerKind, HeldOutScores>> = {};
  private activity = 'waiting for labels';
  private problem: string | undefined;
  private closed = false;
  private wake: () => void = () => undefined;
  private readonly running: Promise<void>;

  /** @param names of the classes. */
  constructor(
    private names: readonly string[],
    private readonly platform: LearnerPlatform,
    private readonly onEvent: (event: LearnerEvent) => void,
  ) {
    this.ask(() => this.begin());
    this.running = this.loop();
  }

  setClasses(names: readonly string[]): void {
    this.ask(async () => {
      const before = this.names.length;
      this.names = names;
      if (names.length === before) return;
      await this.forget();
      await this.begin();
      await this.warmUp();
    });
  }

  /** An image was opened. Before there are labels, everything that its first ones need is made. */
  opened(image: ImageForPrediction): void {
    this.ask(async () => {
      this.latest = image;
      await this.warmUp();
    });
  }

  setLabels(image: LabelsForLearning): void {
    this.incoming.set(image.id, image);
    this.wake();
  }

  predict(image: ImageForPrediction): Promise<Prediction | undefined> {
    return this.answer(async () => {
      this.announced = false;
      await this.prepare(image);
      const logits = await this.logitsOf(image);
      return (
        logits && {
          ...enlargedClasses(logits, image),
          width: image.width,
          height: image.height,
          step: this.step,
        }
      );
    });
  }

  exportTo(to: 'run' | 'onnx'): Promise<Exported> {
    return this.answer(() => this.export(to));
  }

  async close(): Promise<void> {
    this.closed = true;
    this.wake();
    await this.running;
    await this.forget();
    await this.runtime?.close();
  }

  private ask(work: () => Promise<void>): void {
    this.waiting.push(work);
    this.wake();
  }

  private answer<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => this.ask(() => work().then(resolve, reject)));
  }

  private async loop(): Promise<void> {
    while (!this.closed) {
      try {
        const next = this.waiting.shift();
        if (next) await next();
        else if (this.incoming.size > 0 && !(this.backgroundTurn && this.hasBackgroundWork()))
          await this.takeLabels();
        else if (this.announced) await this.awaitAnswer();
        else if (this.comparison) await this.compareNext(this.comparison);
        else if (this.canTrain()) await this.trainNetwork();
        else if (this.canWarmNetwork()) await this.warmNetwork();
        else await this.idle();
        this.problem = undefined;
      } catch (error) {
        this.problem = error instanceof Error ? error.message : String(error);
        this.say('stopped by a problem');
        await this.idle();
      }
      // Lets messages in.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Waits until something is asked for. @param most milliseconds; default for ever. */
  private async idle(most?: number): Promise<void> {
    if (this.closed || this.waiting.length > 0 || this.incoming.size > 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      if (most !== undefined) timer = setTimeout(resolve, most);
    });
    clearTimeout(timer);
  }

  /** After a new prediction was announced, the pages ask for it: a step of the network would delay them. */
  private awaitAnswer(): Promise<void> {
    this.announced = false;
    return this.idle(ANSWER_TIME);
  }

  /** Begins with the model to start from, if there is one: it predicts before anything is labelled. */
  private async begin(): Promise<void> {
    if (this.input !== undefined || this.names.length < 2) return;
    const start = await this.platform.start();
    if (start === undefined) return;
    this.runtime ??= await this.platform.openRuntime();
    this.startFrom(start);
    this.predictionReady();
    this.say('predicting; paint where it is wrong');
  }

  /** Makes the learners, when the first image is known. */
  private async prepare(first: ImageForPrediction): Promise<void> {
    if (this.names.length < 2) return;
    await this.begin();
    if (this.input !== undefined) return;
    this.runtime ??= await this.platform.openRuntime();
    this.say('preparing');
    const image = await this.platform.decode(first.file);
    const channels =
      image.channels === 1 || image.channels === 3 ? image.channels : Math.min(3, image.channels);
    const normalization = normalizationFor(image, channels);
    this.input = { channels, normalization, ...inputSize(first) };
    this.encoder = await this.platform.encoder(channels);
  }

  private async warmUp(): Promise<void> {
    if (this.latest === undefined || this.names.length < 2 || this.labelled.size > 0) return;
    await this.prepare(this.latest);
    this.pixels ??= await this.createPixels();
    await this.mapsOf(this.latest);
    this.say(this.shown === undefined ? 'waiting for labels' : this.activity);
  }

  private createPixels(): Promise<PixelLearner> {
    return PixelLearner.create({
      input: this.input!,
      classes: this.names.length,
      runtime: this.runtime!,
      encoder: this.encoder,
    });
  }

  /** Whether the network can be compiled before there is a prediction. It takes seconds, which strokes would wait for. */
  private canWarmNetwork(): boolean {
    return this.platform.eager && !this.network && this.pixels !== undefined && this.latest !== undefined;
  }

  private async warmNetwork(): Promise<void> {
    this.network = this.createNetwork();
    await this.network.warmUp(await this.inputOf(this.latest!));
  }

  private createNetwork(): NetworkLearner {
    this.networkModel ??= networkFor(this.encoder !== undefined);
    return NetworkLearner.create({
      input: this.input!,
      classes: this.names.length,
      runtime: this.runtime!,
      model: this.networkModel,
      initial: (this.encoder ?? []).map((tensor) => ({ ...tensor, name: `encoder.${tensor.name}` })),
    });
  }

  private startFrom({ source, model, classes, input, weights }: StartingModel): void {
    if (classes.length !== this.names.length) {
      throw new PixelwiseError(
        'classes',
        `${source} has the classes ${classes.join(', ')}, this project ${this.names.join(', ')}. Give the project as many, in the same order.`,
      );
    }
    this.input = input;
    this.encoder = weights
      .filter(({ name }) => model.name === 'mobilenet-unet' && name.startsWith('encoder.'))
      .map((tensor) => ({ ...tensor, name: tensor.name.slice('encoder.'.length) }));
    if (this.encoder.length === 0) this.encoder = undefined;
    this.network = NetworkLearner.create({
      input,
      classes: classes.length,
      runtime: this.runtime!,
      model,
      initial: weights,
    });
    this.networkModel = model;
    this.networkReady = true;
    this.shown = 'network';
  }

  /** Takes new labels, and learns them at once. */
  private async takeLabels(): Promise<void> {
    this.backgroundTurn = true;
    if (this.names.length < 2) {
      this.incoming.clear();
      return;
    }
    const began = performance.now();
    const images = [...this.incoming.values()];
    this.incoming.clear();
    for (const image of images) {
      await this.prepare(image);
      const labels = gridLabels(image.labels, image, this.input!);
      const some = labels.some((label) => label !== IGNORE_INDEX);
      if (some) {
        const { file, version, heldOut } = image;
        this.labelled.set(image.id, { file, version, heldOut, labels, changed: ++this.changes });
      } else this.labelled.delete(image.id);
      if (image.heldOut) continue;
      this.pixels ??= await this.createPixels();
      if (some) this.pixels.setLabels(image.id, await this.mapsOf(image), labels);
      else this.pixels.remove(image.id);
    }
    this.stepsSinceLabels = 0;
    if (this.shown === 'network') this.unanswered ??= began;
    if (this.shown !== 'network' && this.pixels?.ready) {
      this.say('learning from your strokes');
      const before = this.pixels.step;
      await this.pixels.learn();
      this.step += this.pixels.step - before;
      this.pixelsReady = true;
      this.shown ??= 'pixels';
      this.predictionReady();
    }
    this.seconds += (performance.now() - began) / 1000;
    if (images.some(({ heldOut }) => heldOut)) this.compare('held-out');
    this.say(this.shown === undefined ? 'waiting for labels of a second class' : 'learning');
  }

  private get training(): Labelled[] {
    return [...this.labelled.values()].filter(({ heldOut }) => !heldOut);
  }

  private hasBackgroundWork(): boolean {
    return this.comparison !== undefined || this.canTrain();
  }

  private canTrain(): boolean {
    if (this.shown === undefined || this.stepsSinceLabels > MOST_STEPS_WITHOUT_LABELS) return false;
    return this.training.length > 0;
  }

  private async trainNetwork(): Promise<void> {
    this.backgroundTurn = false;
    const began = performance.now();
    this.network ??= this.createNetwork();
    const images = await Promise.all(
      this.training.map(async (image) => ({ ...image, image: await this.inputOf(image) })),
    );
    await this.network.learn(images);
    this.step++;
    this.stepsSinceLabels++;
    this.networkReady = true;
    this.seconds += (performance.now() - began) / 1000;
    if (this.network.step % COMPARED_EVERY === 0) this.compare('held-out');
    else if (this.unanswered !== undefined) {
      const late = performance.now() - this.unanswered >= TIME_TO_PREDICTION;
      if (late || this.stepsSinceLabels >= STEPS_TO_PREDICTION) this.predictionReady();
    }
    this.say(
      this.stepsSinceLabels > MOST_STEPS_WITHOUT_LABELS
        ? 'done with these labels; paint more to go on'
        : `training the network, step ${this.network.step}`,
    );
  }

  /** Begins to compare the learners, on the latest images. */
  private compare(on: Comparison['on']): void {
    const images = [...this.labelled.values()].filter(({ heldOut }) => heldOut === (on === 'held-out'));
    const chosen = images.slice(-MOST_COMPARED);
    const ready: LearnerKind[] = [];
    if (this.pixelsReady) ready.push('pixels');
    if (this.networkReady) ready.push('network');
    this.comparison = {
      on,
      images: chosen.length,
      todo: ready.flatMap((kind) => chosen.map((image) => ({ kind, image }))),
      matrices: new Map(ready.map((kind) => [kind, new ConfusionMatrix(this.names.length)])),
    };
  }

  /** One prediction of a comparison, so that nobody waits for all of it; after the last, its outcome. */
  private async compareNext(comparison: Comparison): Promise<void> {
    this.backgroundTurn = false;
    const next = comparison.todo.shift();
    if (next) {
      const { kind, image } = next;
      const logits = await this.logitsBy(kind, image);
      const classes = kind === 'network' ? classesOf(logits) : enlargedClasses(logits, this.input!).classes;
      comparison.matrices.get(kind)!.add(classes, image.labels);
      return;
    }
    this.comparison = undefined;
    const scores = scoresOf(comparison);
    const { pixels, network } = scores;
    if (comparison.on === 'held-out') {
      this.scores = scores;
      const steps = this.network?.step ?? 0;
      const better = pixels && network && (network.meanDice ?? 0) >= (pixels.meanDice ?? 0);
      if (this.shown === 'pixels' && steps >= LEAST_STEPS && better) this.compare('learned');
    } else if ((network?.meanDice ?? 0) >= (pixels?.meanDice ?? 0) - FIT_MARGIN) this.shown = 'network';
    if (this.shown === 'network') this.predictionReady();
    this.say(this.activity);
  }

  private async logitsOf(image: ImageFile): Promise<Logits | undefined> {
    return this.shown && this.logitsBy(this.shown, image);
  }

  private async logitsBy(kind: LearnerKind, image: ImageFile): Promise<Logits> {
    if (kind === 'pixels') return this.pixels!.predict(await this.mapsOf(image));
    return this.network!.predict(await this.inputOf(image));
  }

  private inputOf(image: ImageFile): Promise<Float32Array> {
    const input = this.input!;
    return this.inputs.get(keyOf(image), async () =>
      toInput(await this.platform.decode(image.file, input.channels), input),
    );
  }

  private mapsOf(image: ImageFile): Promise<Maps> {
    return this.maps.get(keyOf(image), async () => this.pixels!.maps(await this.inputOf(image)));
  }

  private predictionReady(): void {
    this.announced = true;
    this.unanswered = undefined;
    this.onEvent({ kind: 'prediction', step: this.step });
  }

  private say(activity: string): void {
    this.activity = activity;
    this.onEvent({ kind: 'training', status: this.status() });
  }

  private status(): TrainingStatus {
    const labelled = [...this.labelled.values()];
    return {
      learner: this.shown ?? null,
      step: this.step,
      seconds: Math.round(this.seconds * 10) / 10,
      labelledImages: labelled.filter(({ heldOut }) => !heldOut).length,
      heldOutImages: labelled.filter(({ heldOut }) => heldOut).length,
      scores: (this.shown && this.scores[this.shown]) ?? null,
      scoresByLearner: this.scores,
      activity: this.activity,
      ...(this.problem !== undefined && { problem: this.problem }),
    };
  }

  /** Forgets what was learned, and the labels. */
  private async forget(): Promise<void> {
    await this.pixels?.close();
    await this.network?.close();
    this.pixels = this.network = this.networkModel = this.shown = this.input = this.comparison = undefined;
    this.unanswered = undefined;
    this.pixelsReady = this.networkReady = false;
    this.scores = {};
    this.labelled.clear();
    this.inputs.clear();
    this.maps.clear();
  }

  private async export(to: 'run' | 'onnx'): Promise<Exported> {
    if (this.shown === undefined || this.input === undefined) {
      throw new PixelwiseError(
        'no-model',
        'There is no model to export yet: paint a few strokes of two classes first.',
      );
    }
    this.say('exporting');
    const network = this.shown === 'network';
    return this.platform.export(
      {
        model: network ? this.networkModel! : pixelModel(this.encoder),
        classes: this.names,
        input: this.input,
        weights: (network ? this.network! : this.pixels!).stateDict(),
      },
      to,
    );
  }
}

/** Predictions of the learners that are compared with labels, one at a time. */
interface Comparison {
  /**
   * Held-out images are scored. Labels there are mostly corrections of what is shown, so that scores on them alone
   * favour the other learner: before the network takes over, it must know the labels that both `learned` from about as
   * well as the pixel classifier does.
   */
  readonly on: 'held-out' | 'learned';
  readonly images: number;
  readonly todo: { readonly kind: LearnerKind; readonly image: Labelled }[];
  readonly matrices: ReadonlyMap<LearnerKind, ConfusionMatrix>;
}

function scoresOf({ images, matrices }: Comparison): Partial<Record<LearnerKind, HeldOutScores>> {
  if (images === 0) return {};
  return Object.fromEntries(
    [...matrices].map(([kind, matrix]) => [
      kind,
      {
        samples: images,
        meanDice: meanDice(matrix),
        meanIoU: meanIoU(matrix),
        pixelAccuracy: pixelAccuracy(matrix),
      },
    ]),
  );
}

/** How much worse the network may fit the labels that both learned from, in mean Dice. */
const FIT_MARGIN = 0.02;

/** The network of `train`: on the pretrained encoder, or a small U-Net without one. */
export function networkFor(pretrained: boolean): StudioModel {
  return pretrained
    ? {
        name: 'mobilenet-unet',
        options: {
          upsampling: 'nearest',
          decoderConvs: 2,
          decoderNorm: 'batch',
          decoderStride: 2,
          freezeEncoder: true,
        },
      }
    : { name: 'unet', options: { width: 16, batchNorm: true } };
}

const pixelModel = (encoder: readonly NamedArray[] | undefined): StudioModel => ({
  name: 'pixel-classifier',
  options: { features: encoder ? 'mobilenet_v2' : 'filters', freezeEncoder: true },
});

/** ImageNet's for 8 bits; more bits are stretched to the values that the first image uses. */
function normalizationFor(image: Raster, channels: number): Normalization {
  const plain = defaultNormalization(channels);
  if (maxValueOf(image.data) === 255 || plain.kind !== 'fixed') return plain;
  const sorted = Float32Array.from(image.data).sort();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  const [low, high] = [at(0.001), Math.max(at(0.999), at(0.001) + 1e-6)];
  const all = (value: number) => new Array<number>(channels).fill(value);
  return { ...plain, name: 'percentiles', range: { low: all(low), high: all(high) } };
}

const keyOf = ({ file, version = '' }: ImageFile): string => `${file} ${version}`;

/** Keeps the latest values within a limit of bytes. */
class BoundedCache<T> {
  private readonly values = new Map<string, Promise<T>>();
  private readonly sizes = new Map<string, number>();
  private total = 0;

  constructor(
    private readonly most: number,
    private readonly sizeOf: (value: T) => number,
  ) {}

  async get(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.values.get(key);
    const value = known ?? make();
    this.values.delete(key);
    this.values.set(key, value);
    if (known) return known;
    try {
      const size = this.sizeOf(await value);
      this.sizes.set(key, size);
      this.total += size;
      for (const oldest of this.values.keys()) {
        if (this.total <= this.most || oldest === key) break;
        this.delete(oldest);
      }
      return await value;
    } catch (error) {
      this.delete(key);
      throw error;
    }
  }

  clear(): void {
    for (const key of [...this.values.keys()]) this.delete(key);
  }

  private delete(key: string): void {
    this.total -= this.sizes.get(key) ?? 0;
    this.sizes.delete(key);
    this.values.delete(key);
  }
}
