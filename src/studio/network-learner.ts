/**
 * The second learner: the network of `train`, on crops around labelled pixels. Pixels without labels have no gradient.
 * Its predictions are those of a moving average of the weights, which one step of few labels does not throw off.
 */
import type { Batch } from '../data/dataset.js';
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import { createModel, type ModelValues } from '../models/index.js';
import { parseLosses } from '../nn/index.js';
import type { NamedArray } from '../nn/index.js';
import { Adam } from '../optim/index.js';
import { Random } from '../random/index.js';
import type { Runtime } from '../runtime/index.js';
import { Learner } from '../training/learner.js';
import type { Logits, ModelInput } from './model-grid.js';

export interface NetworkLearnerOptions {
  readonly input: ModelInput;
  readonly classes: number;
  readonly runtime: Runtime;
  /** Name in the registry, and options. */
  readonly model: { readonly name: string; readonly options: ModelValues };
  /** Values to start from, by name: some or all. */
  readonly initial: readonly NamedArray[];
}

/** An image to learn from: C×H×W and H×W, in the model's size. */
export interface LabelledInput {
  readonly image: Float32Array;
  readonly labels: Uint8Array;
  /** How recent its labels are: the count of changes. */
  readonly changed: number;
}

/** Images of a step. */
const BATCH = 4;
/** Pixels of a crop. An image that is not much larger is taken whole. */
const CROP_PIXELS = 320 * 320;
const LEARNING_RATE = 2e-3;
/** Of the average, for each step; less at first. */
const AVERAGE_DECAY = 0.95;
/** Share of the images of a step that are taken from the latest changes. */
const RECENT_SHARE = 0.5;
/** Images whose labels changed last. */
const RECENT_IMAGES = 4;
/** Largest relative change of brightness and contrast of a crop. */
const JITTER = 0.15;

export class NetworkLearner {
  step = 0;
  private readonly average = new Map<string, Float32Array>();
  private readonly crop: { readonly width: number; readonly height: number };

  private constructor(
    private readonly options: NetworkLearnerOptions,
    private readonly learner: Learner,
  ) {
    const { width, height } = options.input;
    const scale = Math.sqrt(Math.min(1, CROP_PIXELS / (width * height)));
    const side = (length: number) =>
      scale > 0.85 ? length : 32 * Math.max(1, Math.round((length * scale) / 32));
    this.crop = { width: side(width), height: side(height) };
  }

  static create(options: NetworkLearnerOptions): NetworkLearner {
    const { input, classes, runtime, model, initial } = options;
    const learner = new Learner({
      model: createModel(model.name, { ...model.options, channels: input.channels, classes }),
      loss: parseLosses(classes === 2 ? 'bce+dice' : 'cross-entropy+dice'),
      optimizer: (parameters) => new Adam(parameters, { lr: LEARNING_RATE }),
      runtime,
      seed: 0,
    });
    for (const slot of learner.state.slots) {
      const own = initial.find(({ name }) => name === slot.name);
      if (own?.data.length === slot.leaf.size) learner.state.values(slot).set(own.data);
    }
    return new NetworkLearner(options, learner);
  }

  /** Compiles all graphs, on an image (C×H×W) without labels. Weights stay as they are. */
  async warmUp(image: Float32Array): Promise<void> {
    const { width, height } = this.options.input;
    const labels = Uint8Array.from({ length: width * height }, (_, i) => i % 2);
    await this.learner.backward(this.batchOf([{ image, labels, changed: 0 }]));
    await this.learner.synchronize();
    await this.predict(image);
  }

  /** One step on crops of these images, which have labels. */
  async learn(images: readonly LabelledInput[]): Promise<void> {
    await this.learner.backward(this.batchOf(images));
    await this.learner.step();
    this.step++;
    await this.learner.synchronize();
    const decay = Math.min(AVERAGE_DECAY, this.step / (this.step + 4));
    for (const slot of this.learner.state.slots) {
      const values = this.learner.state.values(slot);
      const average = this.average.get(slot.name);
      if (average === undefined) this.average.set(slot.name, values.slice());
      else
        for (let i = 0; i < values.length; i++) average[i] = decay * average[i]! + (1 - decay) * values[i]!;
    }
  }

  private batchOf(images: readonly LabelledInput[]): Batch {
    const { channels } = this.options.input;
    const { width, height } = this.crop;
    const random = new Random(0, 'studio-network', this.step);
    const recent = images.toSorted((a, b) => b.changed - a.changed).slice(0, RECENT_IMAGES);
    const batch = {
      ids: [],
      size: BATCH,
      channels,
      height,
      width,
      images: new Float32Array(BATCH * channels * height * width),
      masks: new Uint8Array(BATCH * height * width),
    };
    for (let n = 0; n < BATCH; n++) {
      const from = random.uniform(0, 1) < RECENT_SHARE ? recent : images;
      const chosen = from[random.integer(from.length)]!;
      this.cropInto(chosen, random, batch.images, batch.masks, n);
    }
    return batch;
  }

  /** Logits of an image (C×H×W), at the model's size. */
  async predict(image: Float32Array): Promise<Logits> {
    const { input, classes } = this.options;
    const { channels, height, width } = input;
    const masks = new Uint8Array(height * width);
    const { logits } = await this.withAverage(() =>
      this.learner.evaluate(
        { ids: [], size: 1, channels, height, width, images: image, masks },
        { logits: true },
      ),
    );
    return { data: logits!, classes: classes === 2 ? 1 : classes, height, width };
  }

  /** The averaged values, by name. */
  stateDict(): NamedArray[] {
    return this.learner.state
      .stateDict()
      .map(({ name, shape, data }) => ({ name, shape, data: this.average.get(name) ?? data }));
  }

  close(): Promise<void> {
    return this.learner.close();
  }

  /** Runs `work` with the averaged weights in place of those of the last step. All are on the host before and after. */
  private async withAverage<T>(work: () => Promise<T>): Promise<T> {
    const { learner } = this;
    const { state } = learner;
    const moving = state.slots.filter(({ name }) => this.average.has(name));
    const kept = moving.map((slot) => state.values(slot).slice());
    for (const slot of moving) state.values(slot).set(this.average.get(slot.name)!);
    try {
      return await work();
    } finally {
      // The run has moved them to the device, if there is one.
      await learner.synchronize();
      moving.forEach((slot, i) => state.values(slot).set(kept[i]!));
    }
  }

  /** A crop around a labelled pixel, maybe mirrored, a little brighter or darker. */
  private cropInto(
    { image, labels }: LabelledInput,
    random: Random,
    images: Float32Array,
    masks: Uint8Array,
    n: number,
  ): void {
    const { channels, width, height } = this.options.input;
    const { crop } = this;
    const at = labelledPixel(labels, random);
    const start = (size: number, part: number, centre: number) =>
      Math.max(0, Math.min(size - part, centre - random.integer(part)));
    const left = start(width, crop.width, at % width);
    const top = start(height, crop.height, Math.floor(at / width));
    const mirrored = random.uniform(0, 1) < 0.5;
    const gain = 1 + random.uniform(-JITTER, JITTER);
    const shift = random.uniform(-JITTER, JITTER);
    const column = (x: number) => left + (mirrored ? crop.width - 1 - x : x);
    for (let y = 0; y < crop.height; y++) {
      const row = (top + y) * width;
      const to = (n * crop.height + y) * crop.width;
      for (let x = 0; x < crop.width; x++) masks[to + x] = labels[row + column(x)]!;
      for (let c = 0; c < channels; c++) {
        const source = c * height * width + row;
        const target = ((n * channels + c) * crop.height + y) * crop.width;
        for (let x = 0; x < crop.width; x++) images[target + x] = image[source + column(x)]! * gain + shift;
      }
    }
  }
}

/** Tries before a class that is rare in the image is no longer looked for. */
const TRIES = 400;

/** A labelled pixel: of a random class that is there, so that a rare class is seen as well. */
function labelledPixel(labels: Uint8Array, random: Random): number {
  const first = new Map<number, number>();
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label !== IGNORE_INDEX && !first.has(label)) first.set(label, i);
  }
  const classes = [...first.keys()];
  const wanted = classes[random.integer(classes.length)]!;
  for (let n = 0; n < TRIES; n++) {
    const at = random.integer(labels.length);
    if (labels[at] === wanted) return at;
  }
  return first.get(wanted)!;
}
