/**
 * The learner that answers at once: a classifier of pixels on the maps of a frozen encoder (models/pixel-classifier.ts).
 * Maps are computed once an image and kept; only the features of labelled pixels are learned from.
 */
import type { Tensor } from '../graph/index.js';
import { foldValues, input as graphInput } from '../graph/index.js';
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import { frozenLeaves } from '../models/index.js';
import { CLASSIFIED_STRIDE, ColumnClassifier, PixelClassifier } from '../models/pixel-classifier.js';
import { inMode } from '../models/mode.js';
import { Module, ModelState, parseLosses, traceModel } from '../nn/index.js';
import { Adam } from '../optim/index.js';
import { Random } from '../random/index.js';
import { Program, type Runtime } from '../runtime/index.js';
import { Learner } from '../training/learner.js';
import type { NamedArray } from '../nn/index.js';
import type { Logits, ModelInput } from './model-grid.js';

/** The maps of an image, the largest first. */
export type Maps = readonly Float32Array[];

export interface PixelLearnerOptions {
  readonly input: ModelInput;
  readonly classes: number;
  readonly runtime: Runtime;
  /** Values of the encoder, by name; undefined for fixed filters. */
  readonly encoder: readonly NamedArray[] | undefined;
}

/** Labelled pixels that are kept of an image, and in all. */
const MOST_OF_IMAGE = 3000;
const MOST_PIXELS = 60_000;

/** Pixels of a step; steps of a first training and of one after a change. */
const BATCH = 2048;
/** Steps with the same pixels: to gather their features takes longer than a step. */
const STEPS_PER_DRAW = 10;
const FIRST_STEPS = 120;
const MORE_STEPS = 50;
const LEARNING_RATE = 3e-3;
const WEIGHT_DECAY = 1e-3;

/** Before the names of the classifier's weights, in the whole model. */
const CLASSIFIER = 'classifier.';

/** Features of the labelled pixels of an image. */
interface Sample {
  readonly count: number;
  /** Pixel × feature, as the maps have them. */
  readonly features: Float32Array;
  readonly labels: Uint8Array;
}

export class PixelLearner {
  /** Steps done. */
  step = 0;
  private readonly samples = new Map<string, Sample>();
  private learner: Learner | undefined;
  /** What features are divided by after the mean is subtracted. */
  private scaling: { readonly mean: Float32Array; readonly gain: Float32Array } | undefined;
  /** Images that the present training began with. */
  private begunWith = 0;

  private constructor(
    private readonly options: PixelLearnerOptions,
    readonly model: PixelClassifier,
    private readonly state: ModelState,
    private readonly encode: Program,
    private readonly classify: Program,
  ) {}

  static async create(options: PixelLearnerOptions): Promise<PixelLearner> {
    const { input, classes, runtime, encoder } = options;
    const { channels, height, width } = input;
    const model = new PixelClassifier({
      channels,
      classes: outputs(classes),
      features: encoder ? 'mobilenet_v2' : 'filters',
    });
    const state = ModelState.initialize(model, 0);
    for (const slot of state.slots) {
      const own = encoder?.find(({ name }) => `encoder.${name}` === slot.name);
      if (own) state.values(slot).set(own.data);
    }
    const images = graphInput('image', [1, channels, height, width]);
    const maps = new MapsOf(model);
    inMode(maps, 'evaluation', () => traceModel(maps, images));
    const leaves = state.slots.map(({ leaf }) => leaf);
    const frozen = frozenLeaves(model);
    const byLeaf = new Map(state.slots.map((slot) => [slot.leaf as unknown, slot]));
    const found = maps.found.slice(1);
    const encode = await Program.compile(
      foldValues(
        {
          inputs: [images, ...leaves.filter((leaf) => frozen.has(leaf))],
          outputs: Object.fromEntries(found.map((map, i) => [`map${i + 1}`, map])),
        },
        (leaf) => {
          const slot = byLeaf.get(leaf);
          return slot && state.values(slot);
        },
      ),
      runtime,
    );
    const stored = maps.found.map(({ shape }, i) => graphInput(`map${i}`, shape));
    const grid = [height / CLASSIFIED_STRIDE, width / CLASSIFIED_STRIDE] as const;
    const logits = model.classifier.ofMaps(stored, grid);
    const own = model.classifier.namedParameters().map(([, leaf]) => leaf);
    const classify = await Program.compile({ inputs: [...stored, ...own], outputs: { logits } }, runtime);
    return new PixelLearner(options, model, state, encode, classify);
  }

  /** The maps of an image (C×H×W). */
  async maps(image: Float32Array): Promise<Maps> {
    const results = await this.encode.evaluate({ image });
    return [
      image,
      ...this.model.encoder.widths.slice(1).map((_, i) => results[`map${i + 1}`] as Float32Array),
    ];
  }

  /** Takes the labels of an image (H×W, in the model's size) in place of those before. */
  setLabels(id: string, maps: Maps, labels: Uint8Array): void {
    const chosen = this.chosenPixels(labels);
    const { widths } = this.model.encoder;
    const size = widths.reduce((sum, width) => sum + width, 0);
    const features = new Float32Array(chosen.length * size);
    const { width } = this.options.input;
    chosen.forEach((at, k) => this.columnAt(maps, at % width, Math.floor(at / width), features, k * size));
    this.samples.set(id, {
      count: chosen.length,
      features,
      labels: Uint8Array.from(chosen, (at) => labels[at]!),
    });
  }

  remove(id: string): void {
    this.samples.delete(id);
  }

  /** Whether at least two classes have labels. */
  get ready(): boolean {
    const found = new Set<number>();
    for (const { labels } of this.samples.values()) for (const label of labels) found.add(label);
    return found.size >= 2;
  }

  /** Learns from all labels. Restarts if there are many more images than at the last start. */
  async learn(): Promise<void> {
    const { classes, runtime } = this.options;
    const images = [...this.samples.values()].filter(({ count }) => count > 0).length;
    if (this.learner === undefined || images >= 1.5 * this.begunWith) {
      await this.learner?.close();
      this.begunWith = images;
      this.scaling = this.scalingOf();
      const head = new ColumnClassifier(
        this.model.encoder.widths,
        this.model.classifier.first.weight.shape[0]!,
        outputs(classes),
      );
      this.learner = new Learner({
        model: head,
        loss: parseLosses(classes === 2 ? 'bce' : 'cross-entropy'),
        optimizer: (parameters) => new Adam(parameters, { lr: LEARNING_RATE, weightDecay: WEIGHT_DECAY }),
        runtime,
        seed: this.step,
      });
      await this.run(this.learner, FIRST_STEPS);
    } else await this.run(this.learner, MORE_STEPS);
    await this.learner.synchronize();
    this.store(this.learner);
  }

  /** Logits of an image, at half the model's size. */
  async predict(maps: Maps): Promise<Logits> {
    const { height, width } = this.options.input;
    const weights = this.state.slots.filter(({ name }) => name.startsWith(CLASSIFIER));
    const { logits } = await this.classify.evaluate({
      ...Object.fromEntries(maps.map((map, i) => [`map${i}`, map])),
      ...Object.fromEntries(
        weights.map((slot) => [slot.name.slice(CLASSIFIER.length), this.state.values(slot)]),
      ),
    });
    return {
      data: logits as Float32Array,
      classes: outputs(this.options.classes),
      height: height / CLASSIFIED_STRIDE,
      width: width / CLASSIFIED_STRIDE,
    };
  }

  /** All values of the model, by name. */
  stateDict(): NamedArray[] {
    return this.state.stateDict();
  }

  async close(): Promise<void> {
    await this.learner?.close();
    await this.encode.release();
    await this.classify.release();
  }

  private async run(learner: Learner, steps: number): Promise<void> {
    const samples = [...this.samples.values()].filter(({ count }) => count > 0);
    const size = this.scaling!.mean.length;
    const { mean, gain } = this.scaling!;
    // By class, the pixels of all images: classes are drawn evenly, so that a rare one is learned as well.
    const byClass = new Map<number, [sample: number, pixel: number][]>();
    samples.forEach(({ labels }, sample) =>
      labels.forEach((label, pixel) => {
        const list = byClass.get(label);
        if (list) list.push([sample, pixel]);
        else byClass.set(label, [[sample, pixel]]);
      }),
    );
    const lists = [...byClass];
    const images = new Float32Array(size * BATCH);
    const masks = new Uint8Array(BATCH);
    for (let n = 0; n < steps; n++) {
      if (n % STEPS_PER_DRAW === 0) {
        const random = new Random(0, 'studio-pixels', this.step);
        for (let k = 0; k < BATCH; k++) {
          const [label, list] = lists[k % lists.length]!;
          const [sample, pixel] = list[random.integer(list.length)]!;
          const { features } = samples[sample]!;
          masks[k] = label;
          for (let f = 0, at = pixel * size; f < size; f++, at++) {
            images[f * BATCH + k] = (features[at]! - mean[f]!) * gain[f]!;
          }
        }
      }
      await learner.backward({ ids: [], size: 1, channels: size, height: 1, width: BATCH, images, masks });
      await learner.step();
      this.step++;
    }
  }

  /** Puts the learned weights into the model, for features that are not scaled. */
  private store(learner: Learner): void {
    const { mean, gain } = this.scaling!;
    for (const slot of learner.state.slots) {
      const target = this.state.slots.find(({ name }) => name === CLASSIFIER + slot.name)!;
      this.state.values(target).set(learner.state.values(slot));
    }
    const find = (name: string) => this.state.values(this.state.slots.find((slot) => slot.name === name)!);
    const weight = find(`${CLASSIFIER}first.weight`);
    const bias = find(`${CLASSIFIER}first.bias`);
    for (let row = 0, at = 0; row < bias.length; row++) {
      let shift = 0;
      for (let f = 0; f < mean.length; f++, at++) {
        weight[at] = weight[at]! * gain[f]!;
        shift += weight[at]! * mean[f]!;
      }
      bias[row] = bias[row]! - shift;
    }
  }

  private scalingOf(): { mean: Float32Array; gain: Float32Array } {
    const size = this.model.encoder.widths.reduce((sum, width) => sum + width, 0);
    const sums = new Float64Array(size);
    const squares = new Float64Array(size);
    let count = 0;
    for (const { features } of this.samples.values()) {
      for (let i = 0; i < features.length; i++) {
        const value = features[i]!;
        sums[i % size]! += value;
        squares[i % size]! += value * value;
      }
      count += features.length / size;
    }
    const mean = Float32Array.from(sums, (sum) => sum / count);
    const gain = Float32Array.from(squares, (square, f) => {
      const variance = square / count - mean[f]! ** 2;
      return 1 / Math.sqrt(Math.max(variance, 1e-4));
    });
    return { mean, gain };
  }

  /** Indices of labelled pixels: all, or as many of each class as fit. */
  private chosenPixels(labels: Uint8Array): number[] {
    const byClass = new Map<number, number[]>();
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i]!;
      if (label === IGNORE_INDEX) continue;
      const list = byClass.get(label);
      if (list) list.push(i);
      else byClass.set(label, [i]);
    }
    const most = Math.min(MOST_OF_IMAGE, Math.ceil(MOST_PIXELS / (this.samples.size + 1)));
    const each = Math.ceil(most / Math.max(1, byClass.size));
    const random = new Random(0, 'studio-chosen', labels.length);
    return [...byClass.values()].flatMap((list) => {
      if (list.length <= each) return list;
      return Array.from({ length: each }, () => list[random.integer(list.length)]!);
    });
  }

  /** Writes the stacked features of a pixel: maps are read between their cells, as bilinear enlargement does. */
  private columnAt(maps: Maps, x: number, y: number, out: Float32Array, at: number): void {
    const { input } = this.options;
    for (const [level, map] of maps.entries()) {
      const channels = this.model.encoder.widths[level]!;
      const stride = 2 ** Math.max(1, level);
      const height = input.height / 2 ** level;
      const width = input.width / 2 ** level;
      if (level === 0) {
        // The image is averaged to the grid that is classified.
        const [left, top] = [stride * Math.floor(x / stride), stride * Math.floor(y / stride)];
        for (let c = 0; c < channels; c++) {
          let sum = 0;
          for (let v = 0; v < stride; v++) {
            for (let u = 0; u < stride; u++) sum += map[(c * height + top + v) * width + left + u]!;
          }
          out[at++] = sum / stride ** 2;
        }
        continue;
      }
      const px = Math.max(0, Math.min(width - 1, (x + 0.5) / stride - 0.5));
      const py = Math.max(0, Math.min(height - 1, (y + 0.5) / stride - 0.5));
      const [x0, y0] = [Math.floor(px), Math.floor(py)];
      const [x1, y1] = [Math.min(x0 + 1, width - 1), Math.min(y0 + 1, height - 1)];
      const [sx, sy] = [px - x0, py - y0];
      for (let c = 0; c < channels; c++) {
        const plane = c * height * width;
        const above = map[plane + y0 * width + x0]! * (1 - sx) + map[plane + y0 * width + x1]! * sx;
        const below = map[plane + y1 * width + x0]! * (1 - sx) + map[plane + y1 * width + x1]! * sx;
        out[at++] = above * (1 - sy) + below * sy;
      }
    }
  }
}

/** Output channels for a number of classes: one for two. */
export const outputs = (classes: number): number => (classes === 2 ? 1 : classes);

/** Traces the encoder, and remembers its maps. */
class MapsOf extends Module {
  found: Tensor[] = [];
  readonly encoder: PixelClassifier['encoder'];

  constructor(model: PixelClassifier) {
    super();
    this.encoder = model.encoder;
  }

  forward(image: Tensor): Tensor {
    this.found = this.encoder.maps(image) as Tensor[];
    return this.found.at(-1)!;
  }
}
