/**
 * A model with everything that training needs: values, compiled graphs, gradients, optimizer. `fit` uses it, and so
 * can your own loop:
 *
 * ```ts
 * const learner = new Learner({ model, loss, optimizer: (p) => new Adam(p, { lr: 1e-3 }), runtime, seed: 0 });
 * for await (const batch of loader.epoch(0)) {
 *   const { loss } = await learner.backward(batch);
 *   await learner.step();
 * }
 * ```
 *
 * Short batches (the last of an epoch) run at their own size with their own graph. Nothing is padded, repeated or
 * dropped, so batch statistics contain real images only. The losses of an epoch are means over samples and scores count
 * pixels, so neither depends on how the samples are divided into batches.
 */
import { OtherRankError } from '../distributed/agreement.js';
import { PixelwiseError } from '../errors/index.js';
import type { GraphDefinition, Leaf, Recompute, Shape } from '../graph/index.js';
import { featureName, foldValues, peakBytes } from '../graph/index.js';
import type { ImageShape } from '../models/index.js';
import { frozenLeaves, predictionGraph } from '../models/index.js';
import type { Batch } from '../data/dataset.js';
import type { Layer, Loss, LossTerm, NamedArray, RandomMask, Slot } from '../nn/index.js';
import { ModelState } from '../nn/index.js';
import type { OnnxGraph } from '../onnx/index.js';
import type { Optimizer, OptimizerOptions, OptimizerState, TrainedWeight } from '../optim/index.js';
import { clampRule, clippingFactor, gradientNorm, scaleRule } from '../optim/index.js';
import { Random } from '../random/index.js';
import type { ArrayRule, NamedDeviceArrays, Runtime, View } from '../runtime/index.js';
import {
  DeviceArray,
  DeviceState,
  HostBuffer,
  Program,
  ProgramCache,
  transferredView,
} from '../runtime/index.js';
import { accumulateRule, averageRule } from './array-rules.js';
import { allFinite, firstNonFinite } from '../nn/finite.js';
import { explainNonFiniteGradient, explainNonFiniteLoss } from './non-finite.js';
import type { Replicas, Share } from './replicas.js';
import type { BatchShape, FrozenPart, StepGraph } from './step.js';
import {
  BUFFER,
  evaluationGraph,
  frozenPart,
  GRADIENT,
  GRADIENT_SQUARES,
  LOSS,
  trainingGraph,
} from './step.js';

export interface LearnerOptions {
  readonly model: Layer;
  /** One loss, or a weighted sum of losses, each logged by name. */
  readonly loss: Loss | readonly LossTerm[];
  /** Creates the optimizer of the trained weights. */
  readonly optimizer: (parameters: readonly TrainedWeight[]) => Optimizer;
  readonly runtime: Runtime;
  /** Seed of initial weights and dropout masks. */
  readonly seed: number;
  /** Memory limit of all compiled graphs in bytes; default 6 GiB. */
  readonly maxProgramBytes?: number;
  /** The values that are recomputed in the backward pass, for less memory and more time. Default none. */
  readonly recompute?: Recompute | undefined;
  /** Whether classes overlap: masks hold sets of classes, and each logit decides on one class. Default false. */
  readonly multiLabel?: boolean | undefined;
  /** For data-parallel training: the connection to the other learners, each with its part of every batch. */
  readonly replicas?: Replicas | undefined;
}

/** The results for one batch. If the batch is divided among ranks, losses and samples are those of the whole batch. */
export interface StepOutput {
  readonly samples: number;
  readonly loss: number;
  /** The components of the loss by name, not weighted. */
  readonly losses: Readonly<Record<string, number>>;
  /** N×H×W classes, or sets of overlapping classes. */
  readonly prediction: Uint8Array;
  /** N×K×H×W, if requested. */
  readonly logits?: Float32Array;
}

/** Copies of everything that training changes in a learner. */
export interface LearnerCapture {
  readonly values: readonly NamedArray[];
  readonly optimizer: OptimizerState;
  readonly batches: number;
}

/** Whether the model runs as in training or in evaluation. */
export type LearnerMode = 'train' | 'evaluate';

interface CompiledStep {
  readonly graph: StepGraph;
  readonly program: Program;
}

const DEFAULT_PROGRAM_BYTES = 6 * 2 ** 30;

export class Learner {
  readonly model: Layer;
  readonly terms: readonly LossTerm[];
  readonly optimizer: Optimizer;
  readonly runtime: Runtime;
  readonly seed: number;
  readonly recompute: Recompute | undefined;
  readonly multiLabel: boolean;
  readonly replicas: Replicas | undefined;
  /** Number of {@link backward} calls, which determines the next dropout masks. */
  batches = 0;
  private values: ModelState;
  private gradientsByName: ReadonlyMap<string, DeviceArray> = new Map();
  /** The new values of buffers, until the loss is known to be finite. */
  private readonly nextBuffers = new Map<string, DeviceArray>();
  /** Σ samples · gradient over the batches of the current step. */
  private accumulated: { readonly sums: readonly DeviceArray[]; samples: number } | undefined;
  /** The shape of the images of the latest {@link backward}. */
  private images: ImageShape | undefined;
  /** Samples of the latest {@link backward}, for messages. */
  private latest: readonly string[] = [];
  /** Sum of squares of the gradients on the device; undefined after they are changed. */
  private gradientSquares: number | undefined;
  /** Whether the gradients on the device are known to be finite. */
  private gradientsFinite = false;
  private readonly device: DeviceState;
  private readonly programs: ProgramCache;
  private readonly graphs = new Map<string, StepGraph>();
  private frozenChanges = 0;
  private readonly frozenParts = new Map<string, FrozenPart | undefined>();
  private readonly inputs = new Map<string, HostBuffer>();

  constructor(options: LearnerOptions) {
    this.model = options.model;
    this.terms =
      typeof options.loss === 'function' ? [{ name: 'loss', weight: 1, loss: options.loss }] : options.loss;
    this.runtime = options.runtime;
    this.seed = options.seed;
    this.replicas = options.replicas;
    this.recompute = options.recompute;
    this.multiLabel = options.multiLabel ?? false;
    this.values = ModelState.initialize(options.model, options.seed);
    this.values.attach();
    if (this.state.trainable.length === 0)
      throw new PixelwiseError('model', 'all weights of the model are frozen: unfreeze a part of it');
    this.allocateGradients();
    this.optimizer = options.optimizer(this.state.trainable.map((slot) => this.trained(slot)));
    // Ranks exchange gradients through the host.
    this.device = new DeviceState(this.runtime, !this.replicas);
    this.programs = new ProgramCache(options.maxProgramBytes ?? DEFAULT_PROGRAM_BYTES);
  }

  /**
   * Weights and buffers. Another object after {@link unfreeze}. On a device that keeps arrays between steps
   * (WebGPU) the values are there: {@link synchronize} before reading or changing them.
   */
  get state(): ModelState {
    return this.values;
  }

  /**
   * Gradients of the latest {@link backward}, in the order of `state.trainable`. On a device that keeps arrays:
   * {@link fetchGradients} before reading or changing them.
   */
  get gradients(): readonly DeviceArray[] {
    return [...this.gradientsByName.values()];
  }

  private allocateGradients(): void {
    this.gradientsByName = new Map(
      this.state.trainable.map(({ name, leaf }) => [
        name,
        this.gradientsByName.get(name) ?? new DeviceArray(`the gradient of ${name}`, leaf.shape),
      ]),
    );
  }

  private trained({ name, array }: Slot): TrainedWeight {
    return { name, weight: array, gradient: this.gradientsByName.get(name)! };
  }

  /**
   * Moves weights, buffers, gradients, the optimizer's moments and averages to the host, if they are on the
   * device. They may be changed there: the next step uses the new values.
   */
  async synchronize(): Promise<void> {
    await this.device.synchronize();
  }

  /** Moves the gradients to the host, if they are on the device. */
  async fetchGradients(): Promise<void> {
    await this.device.toHost(this.gradients);
  }

  private get gradientsOnDevice(): boolean {
    return this.gradients.every(({ onDevice }) => onDevice);
  }

  private async updateGradients(rule: ArrayRule): Promise<void> {
    await this.device.update([{ rule, arrays: this.gradients.map((gradient) => ({ gradient })) }]);
  }

  /**
   * Scales the gradients so that their norm is at most `maxNorm`; see `clippingFactor` of `optim`.
   *
   * @returns the norm before. If it is not finite, the gradients stay as they are.
   * @throws UsageError unless `maxNorm` is above 0.
   */
  async clipGradNorm(maxNorm: number): Promise<number> {
    // The squares may overflow where gradients do not: then look at the gradients themselves.
    const squares = this.gradientsOnDevice ? this.gradientSquares : undefined;
    const known = squares !== undefined && Number.isFinite(squares);
    if (!known) await this.fetchGradients();
    const norm = known ? Math.sqrt(squares) : gradientNorm(this.gradients.map(({ values }) => values));
    const factor = clippingFactor(norm, maxNorm);
    if (factor < 1) {
      await this.updateGradients(scaleRule(factor));
      if (known) this.gradientSquares = squares * factor ** 2;
    }
    return norm;
  }

  /**
   * Clamps every gradient to [−maxValue, maxValue].
   * @throws UsageError unless `maxValue` is above 0.
   */
  async clipGradValue(maxValue: number): Promise<void> {
    await this.updateGradients(clampRule(maxValue));
    this.gradientSquares = undefined;
  }

  /**
   * Adds the gradients to those of earlier batches of the same step, weighted by samples.
   *
   * @param last whether this batch is the last of its step: then the gradients become the mean over all.
   */
  async accumulateGradients(samples: number, last: boolean): Promise<void> {
    const { gradients } = this;
    if (this.accumulated?.sums.length !== gradients.length) {
      const sums = gradients.map(({ name, shape }) => new DeviceArray(`the sum of ${name}`, shape));
      this.accumulated = { sums, samples: 0 };
    }
    const { accumulated } = this;
    const { sums } = accumulated;
    const rule = accumulateRule(samples, accumulated.samples === 0);
    const arrays = gradients.map((gradient, i) => ({ sum: sums[i]!, gradient }));
    await this.device.update([{ rule, arrays }]);
    accumulated.samples += samples;
    this.gradientSquares = undefined;
    if (!last) return;
    const total = accumulated.samples;
    accumulated.samples = 0;
    gradients.forEach((gradient, i) => gradient.exchange(sums[i]!));
    await this.updateGradients(scaleRule(1 / total));
  }

  /**
   * Forward, loss and backward on one batch. Gradients are in {@link gradients} afterwards, running
   * statistics are updated. Throws if the loss is not finite, naming the first layer with such values; the
   * weights are then unchanged.
   *
   * With replicas the loss is that of the whole batch, and gradients are this rank's part of its gradients
   * until {@link reduceGradients}.
   */
  async backward(batch: Batch): Promise<StepOutput> {
    const step =
      batch.size > 0 ? await this.compiled('train', batch, batch.features !== undefined) : undefined;
    const share = await this.shareOf(batch, step?.graph);
    const own = step ? await this.runBackward(batch, step, share) : this.nothingBackward();
    const output = share ? await this.pool(own, share) : own;
    this.latest = batch.ids;
    const { channels, height, width } = batch;
    // A rank with an empty part of the batch does not know the shape of the images.
    if (batch.size > 0) this.images = { channels, height, width };
    if (!Number.isFinite(output.loss)) {
      await this.synchronize();
      if (Number.isFinite(own.loss))
        throw new OtherRankError('non-finite', `the loss became ${output.loss} on another rank`);
      throw await explainNonFiniteLoss(this, batch, own.loss, (masks) => this.drawMasks(masks, batch));
    }
    const moved = step ? this.movedBy(step.graph) : [];
    for (const { name, array } of moved) array.exchange(this.nextBuffers.get(name)!);
    this.batches++;
    return output;
  }

  private async runBackward(batch: Batch, step: CompiledStep, share: Share | undefined): Promise<StepOutput> {
    const { graph, program } = step;
    const next = this.movedBy(graph).map(({ name, leaf }) => {
      let array = this.nextBuffers.get(name);
      if (!array) this.nextBuffers.set(name, (array = new DeviceArray(`the next ${name}`, leaf.shape)));
      return [BUFFER + name, array] as const;
    });
    const gradients = [...this.gradientsByName].map(([name, array]) => [GRADIENT + name, array] as const);
    const shares = graph.shares.map(
      (name, i) => [name, transferredView(Float32Array.of(share!.weights[i]!))] as const,
    );
    const feeds = {
      ...this.feeds(batch, graph),
      ...this.drawMasks(graph.masks, batch),
      ...Object.fromEntries(shares),
    };
    const arrays = Object.fromEntries([...gradients, ...next]);
    const results = await withinMemory(batch, graph, () =>
      this.device.run(program, feeds, this.arrays(), arrays),
    );
    const squares = results[GRADIENT_SQUARES];
    this.gradientSquares = squares && Number(squares[0]);
    const finite = Number.isFinite(this.gradientSquares);
    // A sum of gradients is finite only if all of them are.
    this.gradientsFinite = finite && (this.gradientsFinite || !(this.accumulated?.samples ?? 0));
    return readOutput(batch, results);
  }

  /**
   * Shapes of the features of an image: what the frozen part of the model computes from it, to be kept and given to
   * {@link backward} or {@link evaluate} in place of the image. Undefined if nothing that takes time is frozen.
   */
  featureShapes(mode: LearnerMode, image: ImageShape): readonly Shape[] | undefined {
    const part = this.frozenPart(mode, image);
    return part && Object.values(part.definition.outputs).map(({ shape }) => shape);
  }

  /**
   * The features of an image. They are computed image by image, so that they do not depend on the images beside it.
   *
   * @param image C×H×W, normalised
   */
  async features(
    mode: LearnerMode,
    shape: ImageShape,
    image: Float32Array,
  ): Promise<readonly Float32Array[]> {
    const { definition } = this.frozenPart(mode, shape)!;
    const program = await this.featureProgram(mode, shape);
    const results = await this.device.run(program, { images: this.place('images', image) }, this.arrays());
    return Object.keys(definition.outputs).map((name) => results[name] as Float32Array);
  }

  /** Compiles the graph of {@link features}, so that those of the first image take no longer than others. */
  async prepareFeatures(mode: LearnerMode, shape: ImageShape): Promise<void> {
    await this.featureProgram(mode, shape);
  }

  private featureProgram(mode: LearnerMode, shape: ImageShape): Promise<Program> {
    const { definition } = this.frozenPart(mode, shape)!;
    const key = `features of ${mode} ${shape.channels}×${shape.height}×${shape.width}`;
    return this.programs.get(key, peakBytes(definition), () => this.compile(definition, key));
  }

  /** Another number after the values of frozen weights changed: features computed before are no longer those. */
  get frozenValues(): number {
    return this.frozenChanges;
  }

  private frozenPart(mode: LearnerMode, { channels, height, width }: ImageShape): FrozenPart | undefined {
    const key = `${mode} ${channels}×${height}×${width}`;
    if (!this.frozenParts.has(key)) {
      const image = { channels, height, width };
      this.frozenParts.set(key, frozenPart(this.model, this.terms, image, mode, this.multiLabel));
    }
    return this.frozenParts.get(key);
  }

  /** The weights and buffers that graphs read, by name. */
  private arrays(): NamedDeviceArrays {
    return Object.fromEntries(this.state.slots.map(({ name, array }) => [name, array]));
  }

  /** Without samples, all gradients are 0. */
  private nothingBackward(): StepOutput {
    for (const { values } of this.gradients) values.fill(0);
    return this.nothing();
  }

  private nothing(): StepOutput {
    const losses = this.terms.length > 1 ? this.terms.map(({ name }) => [name, 0]) : [];
    const prediction = new Uint8Array();
    return { samples: 0, loss: 0, losses: Object.fromEntries(losses), prediction };
  }

  /** Buffers that a run of the graph updates. */
  private movedBy({ definition }: StepGraph): readonly Slot[] {
    return this.state.fixed.filter(({ name }) => `${BUFFER}${name}` in definition.outputs);
  }

  private async shareOf(batch: Batch, graph: StepGraph | undefined): Promise<Share | undefined> {
    return this.replicas?.shareOf(this.terms, batch, graph?.trace.output.shape[1] ?? 0);
  }

  /** The losses of the whole batch. @param own this rank's part of the total loss, and its unweighted components. */
  private async pool(own: StepOutput, share: Share): Promise<StepOutput> {
    const names = Object.keys(own.losses);
    const [loss, ...values] = await this.replicas!.sum([
      own.loss,
      ...Object.values(own.losses).map((value, i) => value * share.weights[i]!),
    ]);
    const losses = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
    return { ...own, samples: share.samples, loss: loss!, losses };
  }

  /** With replicas: sums the gradients of all ranks. Otherwise does nothing. */
  async reduceGradients(): Promise<void> {
    await this.replicas?.sumGradients(this.gradients.map(({ values }) => values));
  }

  /** One step of the optimizer. Throws before the step if a gradient is not finite. */
  async step(): Promise<void> {
    if (!this.gradientsOnDevice || !this.gradientsFinite) {
      await this.fetchGradients();
      // This pass takes a hundredth of the step. A single NaN would destroy the weights.
      if (!this.gradients.every(({ values }) => allFinite(values)))
        throw explainNonFiniteGradient(this, this.latest);
    }
    await this.optimizer.step((updates) => this.device.update(updates));
  }

  /**
   * Moves an average of weights and buffers towards their values: a ← decay · a + (1 − decay) · w. Frozen parts
   * do not change.
   *
   * @param average arrays by the names of weights and buffers.
   */
  async updateEma(average: NamedDeviceArrays, decay: number): Promise<void> {
    const frozen = frozenLeaves(this.model);
    const moving = this.state.slots.filter(({ leaf }) => !frozen.has(leaf));
    const arrays = moving.map(({ name, array }) => ({ average: average[name]!, value: array }));
    await this.device.update([{ rule: averageRule(decay), arrays }]);
  }

  /** Throws if a weight or buffer is not finite, naming it. */
  checkWeights(): void {
    const bad = this.state.slots.find((slot) => firstNonFinite(this.state.values(slot)) >= 0);
    if (!bad) return;
    throw new PixelwiseError(
      'non-finite',
      `${bad.name} is no longer finite: the last step was too large. Continue from the last checkpoint with a lower learning rate, or clip gradients.`,
    );
  }

  /**
   * Forward in evaluation mode: loss and prediction.
   *
   * @param options `pooled`: all replicas call this with their parts of one batch, and it returns the losses of the
   *   whole batch. Without it, a rank evaluates its batch alone.
   */
  async evaluate(
    batch: Batch,
    options: { readonly logits?: boolean; readonly pooled?: boolean } = {},
  ): Promise<StepOutput> {
    const kind = options.logits ? 'evaluate-logits' : 'evaluate';
    const step = batch.size > 0 ? await this.compiled(kind, batch, batch.features !== undefined) : undefined;
    const share = options.pooled ? await this.shareOf(batch, step?.graph) : undefined;
    const run = async ({ graph, program }: CompiledStep) => {
      const feeds = this.feeds(batch, graph);
      const results = withinMemory(batch, graph, () => this.device.run(program, feeds, this.arrays()));
      return readOutput(batch, await results);
    };
    const own = step ? await run(step) : this.nothing();
    if (!share) return own;
    // This graph has no shares as inputs, unlike that of training, so the total is computed here.
    const values = this.terms.length > 1 ? Object.values(own.losses) : [own.loss / this.terms[0]!.weight];
    const loss = this.terms.reduce((sum, { weight }, i) => sum + weight * share.weights[i]! * values[i]!, 0);
    return this.pool({ ...own, loss }, share);
  }

  /**
   * The model for prediction of one image of the training size; see {@link predictionGraph}. Its constants are views of
   * {@link state}, valid until the next step. Undefined before the first batch.
   */
  predictionGraph(): OnnxGraph | undefined {
    return this.images && predictionGraph(this.model, this.state, this.images);
  }

  /**
   * Compiles the graph for batches of this shape, so that the first step is not slower than the rest.
   *
   * @param options `features`: for batches that come with features.
   */
  async prepare(batch: BatchShape, { features = false } = {}): Promise<void> {
    await this.compiled('train', batch, features);
  }

  /**
   * Trains the weights that were unfrozen in the model (`module.unfreeze()`), in a new parameter group with `options`.
   * Does nothing if there are none.
   *
   * @throws PixelwiseError if a trained weight was frozen in the meantime: freeze before creating the learner, or set
   *   the learning rate of its group to 0.
   */
  async unfreeze(options: Partial<OptimizerOptions> = {}): Promise<void> {
    const state = new ModelState(this.model, this.state);
    const trainable = new Set(state.trainable.map(({ name }) => name));
    const known = new Set(this.optimizer.groups.flatMap((group) => group.parameters.map(({ name }) => name)));
    const lost = [...known].find((name) => !trainable.has(name));
    if (lost !== undefined) {
      throw new PixelwiseError(
        'model',
        `${lost} was frozen while its optimizer was in use: freeze parts of a model before the learner is made, or set the learning rate of their parameter group to 0`,
      );
    }
    const added = state.trainable.filter(({ name }) => !known.has(name));
    if (added.length === 0) return;
    this.values = state;
    this.allocateGradients();
    this.optimizer.addGroup(
      added.map((slot) => this.trained(slot)),
      options,
    );
    this.graphs.clear();
    this.frozenParts.clear();
    await this.recompile();
  }

  /**
   * Releases the compiled graphs, which contain the values of frozen weights. Call it after changing frozen weights, for
   * example by `state.loadStateDict`; `loadCheckpoint` calls it. It is not needed for trained weights.
   */
  async recompile(): Promise<void> {
    this.frozenChanges++;
    await this.programs.clear();
  }

  /** Copies weights, buffers, the optimizer's state and the position in the random masks, for {@link restore}. */
  async capture(): Promise<LearnerCapture> {
    await this.synchronize();
    return {
      values: this.state.stateDict(),
      optimizer: structuredClone(this.optimizer.state()),
      batches: this.batches,
    };
  }

  /** Restores the state of {@link capture}, bit for bit, unless weights were unfrozen in between. */
  restore({ values, optimizer, batches }: LearnerCapture): Promise<void> {
    this.state.loadStateDict(values);
    this.optimizer.loadState(optimizer);
    this.batches = batches;
    return Promise.resolve();
  }

  /** Downloads the values from the device and releases the compiled graphs. The runtime stays open. */
  async close(): Promise<void> {
    // If the device is lost, so are its values, and reading them is an error. Closing continues.
    await this.synchronize().catch(() => undefined);
    await this.device.close();
    await this.programs.clear();
  }

  private async compiled(
    kind: 'train' | 'evaluate' | 'evaluate-logits',
    batch: BatchShape,
    behindFeatures: boolean,
  ): Promise<CompiledStep> {
    const { size, channels, height, width } = batch;
    const mode = kind === 'train' ? kind : 'evaluate';
    const features = behindFeatures ? this.frozenPart(mode, batch)!.cut : undefined;
    const key = `${kind}${features ? ' behind features' : ''} ${size}×${channels}×${height}×${width}`;
    let graph = this.graphs.get(key);
    if (!graph) {
      const shape = { size, channels, height, width };
      graph =
        kind === 'train'
          ? trainingGraph(this.model, this.terms, shape, {
              shared: this.replicas !== undefined,
              recompute: this.recompute,
              squares: this.device.keeps,
              multiLabel: this.multiLabel,
              features,
            })
          : evaluationGraph(this.model, this.terms, shape, {
              logits: kind === 'evaluate-logits',
              multiLabel: this.multiLabel,
              features,
            });
      this.graphs.set(key, graph);
    }
    const { definition } = graph;
    const program = await this.programs.get(key, peakBytes(definition), () =>
      withinMemory(batch, graph, () => this.compile(definition, key)),
    );
    return { graph, program };
  }

  private async compile(definition: GraphDefinition, name: string): Promise<Program> {
    const kept = this.device.keptResults(arrayResults(definition));
    return Program.compile(this.withFrozenValues(definition), this.runtime, { name, kept });
  }

  /**
   * Frozen parts are constants of the graph: ONNX Runtime prepares them once, and batch norms become part of
   * convolutions. After changing frozen weights, call {@link recompile}.
   */
  private withFrozenValues(definition: GraphDefinition): GraphDefinition {
    const frozen = frozenLeaves(this.model);
    if (frozen.size === 0) return definition;
    const slots = new Map<Leaf, Slot>(this.state.fixed.map((slot) => [slot.leaf, slot]));
    return foldValues(definition, (leaf) => {
      const slot = frozen.has(leaf) ? slots.get(leaf) : undefined;
      return slot && this.state.values(slot);
    });
  }

  private feeds({ images, features, masks }: Batch, { maps }: StepGraph): Record<string, View> {
    const inputs = features
      ? features[0]!.map((_, i) => {
          const name = featureName(i);
          return [name, this.place(name, ...features.map((sample) => sample[i]!))] as const;
        })
      : [['images', this.place('images', images)] as const];
    return {
      ...Object.fromEntries(inputs),
      target: this.place('target', masks),
      ...Object.fromEntries(maps.map((map) => [map.name, transferredView(map.compute(masks))])),
    };
  }

  /** Copies arrays one after another, so that the caller's are not transferred to the worker. */
  private place(name: string, ...arrays: readonly (Float32Array | Uint8Array)[]): View {
    const bytes = arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const key = `${name} ${bytes}`;
    let buffer = this.inputs.get(key);
    if (!buffer) this.inputs.set(key, (buffer = new HostBuffer(bytes)));
    let offset = 0;
    for (const { buffer: from, byteOffset, byteLength } of arrays) {
      new Uint8Array(buffer.bytes, offset, byteLength).set(new Uint8Array(from, byteOffset, byteLength));
      offset += byteLength;
    }
    return { buffer, byteOffset: 0 };
  }

  /** The dropout masks for this part of the batch: a part of those for the whole batch. */
  private drawMasks(masks: readonly RandomMask[], { first = 0, size }: Batch): Record<string, View> {
    const views = masks.map(({ leaf, keep }, i): [string, View] => {
      const bits = new Uint8Array(leaf.size);
      new Random(this.seed, 'dropout', this.batches, i).fillBernoulli(bits, keep, (first * leaf.size) / size);
      return [leaf.name, { buffer: new HostBuffer(bits.buffer), byteOffset: 0 }];
    });
    return Object.fromEntries(views);
  }
}

/** Runs `work`. If memory is exhausted, the error names the batch, its estimated memory, and what to change. */
async function withinMemory<T>(
  { size, channels, height, width }: BatchShape,
  { definition }: StepGraph,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PixelwiseError) || error.code !== 'memory') throw error;
    const gibibytes = (peakBytes(definition) / 2 ** 30).toPrecision(2);
    throw new PixelwiseError(
      'memory',
      `A batch of ${size}×${channels}×${height}×${width} does not fit in memory; its intermediate values alone take about ${gibibytes} GiB: use a smaller --batch or --size, or --recompute convolutions. (${error.message})`,
      { cause: error },
    );
  }
}

/** Results that are written to arrays. */
const arrayResults = ({ outputs }: GraphDefinition) =>
  Object.keys(outputs).filter((name) => name.startsWith(GRADIENT) || name.startsWith(BUFFER));

function readOutput(
  { size }: Batch,
  results: Readonly<Record<string, ArrayLike<number | bigint>>>,
): StepOutput {
  const { loss, prediction, logits } = results;
  const parts = Object.entries(results).filter(([name]) => name.startsWith(LOSS));
  return {
    samples: size,
    loss: Number(loss![0]),
    losses: Object.fromEntries(parts.map(([name, value]) => [name.slice(LOSS.length), Number(value[0])])),
    prediction:
      prediction instanceof Uint8Array ? prediction : Uint8Array.from(prediction as ArrayLike<number>),
    ...(logits !== undefined && { logits: logits as Float32Array }),
  };
}
