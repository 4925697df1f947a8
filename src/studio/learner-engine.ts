/**
 * The learner's loop, in a thread of its own: takes labels, trains, predicts. Between two steps it looks what was asked
 * for; predictions go first, then new labels, then training.
 */
import { join } from 'node:path';
import { defaultNormalization, type Normalization, RUNS_FOLDER } from '../data/index.js';
import { PixelwiseError } from '../errors/index.js';
import { exists } from '../files/index.js';
import { decodeImage } from '../images/decode.js';
import { maxValueOf } from '../images/raster.js';
import { exportRun } from '../inference/index.js';
import { pretrainedWeights } from '../jobs/machine-facts.js';
import { train } from '../jobs/train.js';
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import { ConfusionMatrix, meanDice, meanIoU, pixelAccuracy } from '../metrics/index.js';
import { encoderEntry, type ModelValues } from '../models/index.js';
import type { NamedArray } from '../nn/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { Device, Runtime } from '../runtime/index.js';
import { readCheckpointWeights, readRunConfig, RunFolder } from '../training/index.js';
import { loadEncoderWeights, writeWeights } from '../weights/index.js';
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
  readInput,
} from './model-grid.js';
import { NetworkLearner } from './network-learner.js';
import { type Maps, PixelLearner } from './pixel-learner.js';

export interface EngineOptions {
  /** The project's folder. */
  readonly root: string;
  readonly classes: readonly string[];
  readonly device?: Exclude<Device, 'wasm'> | undefined;
  readonly threads?: number | undefined;
  /** A run to start from. */
  readonly init?: string | undefined;
  /** Weights of the encoder: a file, a name, or `none`; default: those on this machine, or downloaded. */
  readonly encoderWeights?: string | undefined;
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
/** Steps of the network after a correction before there is a new prediction. */
const STEPS_TO_PREDICTION = 4;
/** Steps without new labels after which training pauses. */
const MOST_STEPS_WITHOUT_LABELS = 3000;

/** An image with labels, in the model's size. */
interface Labelled {
  readonly file: string;
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
  private pixelsReady = false;
  private networkReady = false;
  private shown: LearnerKind | undefined;
  private names: readonly string[];
  private readonly labelled = new Map<string, Labelled>();
  /** Labels that have come since the last look, by id. */
  private readonly incoming = new Map<string, LabelsForLearning>();
  private readonly waiting: (() => Promise<void>)[] = [];
  private readonly inputs = new BoundedCache<Float32Array>(INPUT_BYTES, (data) => data.byteLength);
  private readonly maps = new BoundedCache<Maps>(MAP_BYTES, (maps) =>
    maps.slice(1).reduce((sum, { byteLength }) => sum + byteLength, 0),
  );
  private changes = 0;
  private step = 0;
  private seconds = 0;
  private stepsSinceLabels = 0;
  /** Whether the network is to make a step before further labels are taken: strokes in quick succession left it none. */
  private networkTurn = false;
  private scores: Partial<Record<LearnerKind, HeldOutScores>> = {};
  private activity = 'waiting for labels';
  private problem: string | undefined;
  private closed = false;
  private wake: () => void = () => undefined;
  private readonly running: Promise<void>;

  constructor(
    private readonly options: EngineOptions,
    private readonly onEvent: (event: LearnerEvent) => void,
  ) {
    this.names = options.classes;
    this.running = this.loop();
  }

  setClasses(names: readonly string[]): void {
    this.ask(async () => {
      const before = this.names.length;
      this.names = names;
      if (names.length !== before) await this.forget();
    });
  }

  setLabels(image: LabelsForLearning): void {
    this.incoming.set(image.id, image);
    this.wake();
  }

  predict(image: ImageForPrediction): Promise<Prediction | undefined> {
    return this.answer(async () => {
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
        else if (this.incoming.size > 0 && !(this.networkTurn && this.canTrain())) await this.takeLabels();
        else if (this.canTrain()) await this.trainNetwork();
        else await this.idle();
        this.problem = undefined;
      } catch (error) {
        this.problem = error instanceof Error ? error.message : String(error);
        this.say('stopped by a problem');
        await this.idle();
      }
      // Lets messages in.
      await new Promise(setImmediate);
    }
  }

  private idle(): Promise<void> {
    if (this.closed || this.waiting.length > 0 || this.incoming.size > 0) return Promise.resolve();
    return new Promise((resolve) => (this.wake = resolve));
  }

  /** Makes the learners, when the first image is known. */
  private async prepare(first: ImageForPrediction): Promise<void> {
    if (this.input !== undefined || this.names.length < 2) return;
    const { device = 'cpu', threads, init } = this.options;
    this.runtime ??= await createNodeRuntime({ device, ...(threads && { threads }) });
    if (init !== undefined) {
      await this.startFromRun(init);
      return;
    }
    this.say('preparing');
    const image = await decodeImage(first.file);
    const channels =
      image.channels === 1 || image.channels === 3 ? image.channels : Math.min(3, image.channels);
    const normalization = normalizationFor(image, channels);
    this.input = { channels, normalization, ...inputSize(first) };
    const name =
      this.options.encoderWeights ?? (await pretrainedWeights({ data: '', model: 'mobilenet-unet' }, {}));
    if (name !== undefined && name !== 'none') {
      const encoder = encoderEntry('mobilenet_v2').create({ channels });
      const wanted = encoder.stateDict().map(({ name: own, shape }) => ({ name: own, shape }));
      const { tensors } = await loadEncoderWeights('mobilenet_v2', name, wanted);
      this.encoder = tensors.map((tensor, i) => ({ ...tensor, name: wanted[i]!.name }));
    }
  }

  private async startFromRun(init: string): Promise<void> {
    const folder = new RunFolder(init);
    const { model, classes, channels, size, normalization } = await readRunConfig(folder);
    if (classes.length !== this.names.length) {
      throw new PixelwiseError(
        'classes',
        `${init} has the classes ${classes.join(', ')}, this project ${this.names.join(', ')}. Give the project as many, in the same order.`,
      );
    }
    this.input = { channels, normalization, ...size };
    const initial = await readCheckpointWeights(await folder.checkpointFolder('best'));
    this.encoder = initial
      .filter(({ name }) => model.name === 'mobilenet-unet' && name.startsWith('encoder.'))
      .map((tensor) => ({ ...tensor, name: tensor.name.slice('encoder.'.length) }));
    if (this.encoder.length === 0) this.encoder = undefined;
    this.network = NetworkLearner.create({
      input: this.input,
      classes: classes.length,
      runtime: this.runtime!,
      model,
      initial,
    });
    this.networkReady = true;
    this.shown = 'network';
  }

  /** Takes new labels, and learns them at once. */
  private async takeLabels(): Promise<void> {
    this.networkTurn = true;
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
        const { file, heldOut } = image;
        this.labelled.set(image.id, { file, heldOut, labels, changed: ++this.changes });
      } else this.labelled.delete(image.id);
      if (image.heldOut) continue;
      this.pixels ??= await PixelLearner.create({
        input: this.input!,
        classes: this.names.length,
        runtime: this.runtime!,
        encoder: this.encoder,
      });
      if (some) this.pixels.setLabels(image.id, await this.mapsOf(image), labels);
      else this.pixels.remove(image.id);
    }
    this.stepsSinceLabels = 0;
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
    if (images.some(({ heldOut }) => heldOut)) await this.compare();
    this.say(this.shown === undefined ? 'waiting for labels of a second class' : 'learning');
  }

  private get training(): Labelled[] {
    return [...this.labelled.values()].filter(({ heldOut }) => !heldOut);
  }

  private canTrain(): boolean {
    if (this.shown === undefined || this.stepsSinceLabels > MOST_STEPS_WITHOUT_LABELS) return false;
    return this.training.length > 0;
  }

  private async trainNetwork(): Promise<void> {
    this.networkTurn = false;
    const began = performance.now();
    this.network ??= NetworkLearner.create({
      input: this.input!,
      classes: this.names.length,
      runtime: this.runtime!,
      model: networkFor(this.encoder !== undefined),
      initial: (this.encoder ?? []).map((tensor) => ({ ...tensor, name: `encoder.${tensor.name}` })),
    });
    const images = await Promise.all(
      this.training.map(async (image) => ({ ...image, image: await this.inputOf(image.file) })),
    );
    await this.network.learn(images);
    this.step++;
    this.stepsSinceLabels++;
    this.networkReady = true;
    this.seconds += (performance.now() - began) / 1000;
    if (this.network.step % COMPARED_EVERY === 0) await this.compare();
    else if (this.shown === 'network' && this.stepsSinceLabels === STEPS_TO_PREDICTION)
      this.predictionReady();
    this.say(
      this.stepsSinceLabels > MOST_STEPS_WITHOUT_LABELS
        ? 'done with these labels; paint more to go on'
        : `training the network, step ${this.network.step}`,
    );
  }

  /** Scores both learners on held-out images, and shows the better one. */
  private async compare(): Promise<void> {
    const held = [...this.labelled.values()].filter(({ heldOut }) => heldOut).slice(-MOST_COMPARED);
    const scores: Partial<Record<LearnerKind, HeldOutScores>> = {};
    if (held.length > 0) {
      if (this.pixelsReady) scores.pixels = await this.scoreOf('pixels', held);
      if (this.networkReady) scores.network = await this.scoreOf('network', held);
    }
    this.scores = scores;
    const { pixels, network } = scores;
    if (this.shown === 'pixels' && this.network && this.network.step >= LEAST_STEPS && pixels && network) {
      const better = (network.meanDice ?? 0) >= (pixels.meanDice ?? 0);
      if (better && (await this.fitsAsWell())) this.shown = 'network';
    }
    if (this.shown === 'network') this.predictionReady();
  }

  /**
   * Whether the network knows the labels that it learned from about as well as the pixel classifier does. Labels on
   * held-out images are mostly corrections of what is shown, so that scores on them alone favour the other one.
   */
  private async fitsAsWell(): Promise<boolean> {
    const images = this.training.slice(-MOST_COMPARED);
    const [pixels, network] = [await this.scoreOf('pixels', images), await this.scoreOf('network', images)];
    return (network.meanDice ?? 0) >= (pixels.meanDice ?? 0) - FIT_MARGIN;
  }

  private async scoreOf(kind: LearnerKind, images: readonly Labelled[]): Promise<HeldOutScores> {
    const matrix = new ConfusionMatrix(this.names.length);
    for (const { file, labels } of images) {
      const logits = await this.logitsBy(kind, file);
      const full = enlargedClasses(logits, this.input!).classes;
      matrix.add(kind === 'network' ? classesOf(logits) : full, labels);
    }
    return {
      samples: images.length,
      meanDice: meanDice(matrix),
      meanIoU: meanIoU(matrix),
      pixelAccuracy: pixelAccuracy(matrix),
    };
  }

  private async logitsOf({ file }: ImageForPrediction): Promise<Logits | undefined> {
    return this.shown && this.logitsBy(this.shown, file);
  }

  private async logitsBy(kind: LearnerKind, file: string): Promise<Logits> {
    if (kind === 'pixels') return this.pixels!.predict(await this.mapsOf({ file }));
    return this.network!.predict(await this.inputOf(file));
  }

  private inputOf(file: string): Promise<Float32Array> {
    return this.inputs.get(file, () => readInput(file, this.input!));
  }

  private mapsOf({ file }: { readonly file: string }): Promise<Maps> {
    return this.maps.get(file, async () => this.pixels!.maps(await this.inputOf(file)));
  }

  private predictionReady(): void {
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

  /** Forgets what was learned, not the labels. */
  private async forget(): Promise<void> {
    await this.pixels?.close();
    await this.network?.close();
    this.pixels = this.network = this.shown = this.input = undefined;
    this.pixelsReady = this.networkReady = false;
    this.scores = {};
    this.labelled.clear();
    this.inputs.clear();
    this.maps.clear();
  }

  /**
   * Writes a run folder with the weights of the learner that is shown: a run of `train` on the project's labels that
   * starts from them and lasts one epoch at a low rate, with its scores and report. For `onnx`, its exported file.
   */
  private async export(to: 'run' | 'onnx'): Promise<Exported> {
    const { root, device, threads } = this.options;
    if (this.shown === undefined || this.input === undefined) {
      throw new PixelwiseError(
        'no-model',
        'There is no model to export yet: paint a few strokes of two classes first.',
      );
    }
    this.say('exporting');
    const path = await freeFolder(root);
    const weights = join(root, '.pixelwise-studio.safetensors');
    const shown = this.shown === 'network' ? this.network! : this.pixels!;
    const { name, options } =
      this.shown === 'network' ? networkFor(this.encoder !== undefined) : pixelModel(this.encoder);
    await writeWeights(weights, shown.stateDict());
    const { height, width, normalization } = this.input;
    const run = await train({
      ...options,
      data: root,
      model: name,
      init: weights,
      size: { height, width },
      normalize: normalization.kind === 'per-image' ? 'min-max' : nameOf(normalization.name),
      epochs: 1,
      lr: EXPORT_RATE,
      schedule: 'constant',
      augment: 'none',
      batch: 4,
      out: path,
      ...(device && { device }),
      ...(threads && { threads }),
    });
    if (to === 'run') return { to, path: run.run };
    const out = `${path}.onnx`;
    await exportRun(run.run, { out });
    return { to, path: out };
  }
}

/** How much worse the network may fit the labels that both learned from, in mean Dice. */
const FIT_MARGIN = 0.02;
/** The rate of the epoch with which a run is written. */
const EXPORT_RATE = 1e-5;

/** A model by its name in the registry, and its options. */
interface StudioModel {
  readonly name: string;
  readonly options: ModelValues;
}

/** The network of `train`: on the pretrained encoder, or a small U-Net without one. */
function networkFor(pretrained: boolean): StudioModel {
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

async function freeFolder(root: string): Promise<string> {
  for (let n = 1; ; n++) {
    const path = join(root, RUNS_FOLDER, `studio-${n}`);
    if (!(await exists(path)) && !(await exists(`${path}.onnx`))) return path;
  }
}

/** The name by which `train` computes the same normalisation. */
function nameOf(name: string) {
  return name === 'percentiles' || name === 'dataset' || name === 'none' ? name : 'imagenet';
}

/** ImageNet's for 8 bits; more bits are stretched to the values that the first image uses. */
function normalizationFor(image: Awaited<ReturnType<typeof decodeImage>>, channels: number): Normalization {
  const plain = defaultNormalization(channels);
  if (maxValueOf(image.data) === 255 || plain.kind !== 'fixed') return plain;
  const sorted = Float32Array.from(image.data).sort();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  const [low, high] = [at(0.001), Math.max(at(0.999), at(0.001) + 1e-6)];
  const all = (value: number) => new Array<number>(channels).fill(value);
  return { ...plain, name: 'percentiles', range: { low: all(low), high: all(high) } };
}

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
