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
 * One policy for short batches (the last of an epoch): they run at their own size, as a graph of their
 * own, so nothing is padded, repeated or dropped and batch statistics see real images only. Losses of an
 * epoch are means over samples, scores are counts over pixels: neither depends on how batches were cut.
 */
import { OtherRankError } from '../distributed/index.js';
import { PixelwiseError } from '../errors/index.js';
import type { GraphDefinition, Leaf, Recompute } from '../graph/index.js';
import { foldValues, peakBytes } from '../graph/index.js';
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
import type { BatchShape, StepGraph } from './step.js';
import { BUFFER, evaluationGraph, GRADIENT, GRADIENT_SQUARES, LOSS, trainingGraph } from './step.js';

export interface LearnerOptions {
  readonly model: Layer;
  /** One loss, or several that are added with weights and logged by name. */
  readonly loss: Loss | readonly LossTerm[];
  /** Makes the optimizer over the weights that are trained. */
  readonly optimizer: (parameters: readonly TrainedWeight[]) => Optimizer;
  readonly runtime: Runtime;
  /** Of initial weights and dropout masks. */
  readonly seed: number;
  /** Bytes that compiled graphs may hold together; default 6 GiB. */
  readonly maxProgramBytes?: number;
  /** What the backward pass makes again instead of keeping it: less memory, more time. Default none. */
  readonly recompute?: Recompute | undefined;
  /** Where this is one of several learners that train as one, each on its part of every batch. */
  readonly replicas?: Replicas | undefined;
}

/** What one batch gave. Losses and samples are those of the whole batch, where it is spread over ranks. */
export interface StepOutput {
  readonly samples: number;
  readonly loss: number;
  /** Parts of a weighted sum of losses, unweighted, by name. */
  readonly losses: Readonly<Record<string, number>>;
  /** N×H×W classes. */
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
  readonly replicas: Replicas | undefined;
  /** Batches that {@link backward} has seen: it names the dropout masks of the next one. */
  batches = 0;
  private values: ModelState;
  private gradientsByName: ReadonlyMap<string, DeviceArray> = new Map();
  /** Takes the next values of buffers, until it is known that the loss is finite. */
  private readonly nextBuffers = new Map<string, DeviceArray>();
  /** Σ samples · gradient over the batches of the step under way. */
  private accumulated: { readonly sums: readonly DeviceArray[]; samples: number } | undefined;
  /** The shape of the images of the latest {@link backward}. */
  private images: ImageShape | undefined;
  /** Samples of the latest {@link backward}, for messages. */
  private latest: readonly string[] = [];
  /** Of gradients on the device: the sum of their squares, undefined once they have been changed. */
  private gradientSquares: number | undefined;
  /** Of gradients on the device: whether they are known to be finite. */
  private gradientsFinite = false;
  private readonly device: DeviceState;
  private readonly programs: ProgramCache;
  private readonly graphs = new Map<string, StepGraph>();
  private readonly inputs = new Map<string, HostBuffer>();

  constructor(options: LearnerOptions) {
    this.model = options.model;
    this.terms =
      typeof options.loss === 'function' ? [{ name: 'loss', weight: 1, loss: options.loss }] : options.loss;
    this.runtime = options.runtime;
    this.seed = options.seed;
    this.replicas = options.replicas;
    this.recompute = options.recompute;
    this.values = ModelState.initialize(options.model, options.seed);
    this.values.attach();
    if (this.state.trainable.length === 0)
      throw new PixelwiseError('model', 'no weight of the model learns: unfreeze a part of it');
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
   * statistics are updated. Throws if the loss is no finite number, naming the first layer that went bad;
   * the weights are then as before.
   *
   * With replicas the loss is that of the whole batch, and gradients are this rank's part of its gradients
   * until {@link reduceGradients}.
   */
  async backward(batch: Batch): Promise<StepOutput> {
    const step = batch.size > 0 ? await this.compiled('train', batch) : undefined;
    const share = await this.shareOf(batch, step?.graph);
    const own = step ? await this.runBackward(batch, step, share) : this.nothingBackward();
    const output = share ? await this.pool(own, share) : own;
    this.latest = batch.ids;
    const { channels, height, width } = batch;
    // A rank whose part of the batch is empty learns nothing of its shape.
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
    // Of gradients that are added up, all have to be.
    this.gradientsFinite = finite && (this.gradientsFinite || !(this.accumulated?.samples ?? 0));
    return readOutput(batch, results);
  }

  /** The weights and buffers that graphs read, by name. */
  private arrays(): NamedDeviceArrays {
    return Object.fromEntries(this.state.slots.map(({ name, array }) => [name, array]));
  }

  /** Of a part of a batch without samples, all gradients are 0. */
  private nothingBackward(): StepOutput {
    for (const { values } of this.gradients) values.fill(0);
    return this.nothing();
  }

  private nothing(): StepOutput {
    const losses = this.terms.length > 1 ? this.terms.map(({ name }) => [name, 0]) : [];
    const prediction = new Uint8Array();
    return { samples: 0, loss: 0, losses: Object.fromEntries(losses), prediction };
  }

  /** Buffers that a run of the graph gives new values to. */
  private movedBy({ definition }: StepGraph): readonly Slot[] {
    return this.state.fixed.filter(({ name }) => `${BUFFER}${name}` in definition.outputs);
  }

  private async shareOf(batch: Batch, graph: StepGraph | undefined): Promise<Share | undefined> {
    return this.replicas?.shareOf(this.terms, batch, graph?.trace.output.shape[1] ?? 0);
  }

  /** The losses of the whole batch. @param own with this rank's part of the total loss, and its components as they are. */
  private async pool(own: StepOutput, share: Share): Promise<StepOutput> {
    const names = Object.keys(own.losses);
    const [loss, ...values] = await this.replicas!.sum([
      own.loss,
      ...Object.values(own.losses).map((value, i) => value * share.weights[i]!),
    ]);
    const losses = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
    return { ...own, samples: share.samples, loss: loss!, losses };
  }

  /** With replicas: turns each rank's part of the gradients into those of the whole batch. Else nothing. */
  async reduceGradients(): Promise<void> {
    await this.replicas?.sumGradients(this.gradients.map(({ values }) => values));
  }

  /** One step of the optimizer. Throws, before it, if a gradient is not a finite number. */
  async step(): Promise<void> {
    if (!this.gradientsOnDevice || !this.gradientsFinite) {
      await this.fetchGradients();
      // One more pass costs a hundredth of the step, and saves the weights that one NaN would ruin.
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

  /** Throws if a weight or buffer is no finite number, naming it. */
  checkWeights(): void {
    const bad = this.state.slots.find((slot) => firstNonFinite(this.state.values(slot)) >= 0);
    if (!bad) return;
    throw new PixelwiseError(
      'non-finite',
      `${bad.name} is no longer finite: the last step was too large. Go on from the last checkpoint with a lower learning rate, or clip gradients.`,
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
    const step = batch.size > 0 ? await this.compiled(kind, batch) : undefined;
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
   * The model as predictions use it, for one image of the shape of those it was trained on; see
   * {@link predictionGraph}. Its constants are views of {@link state}, good until the next step. Undefined before
   * the first batch.
   */
  predictionGraph(): OnnxGraph | undefined {
    return this.images && predictionGraph(this.model, this.state, this.images);
  }

  /** Compiles the graph for batches of this shape, so that the first step is not slower than the rest. */
  async prepare(batch: BatchShape): Promise<void> {
    await this.compiled('train', batch);
  }

  /**
   * Takes in what was unfrozen in the model since (`module.unfreeze()`): those weights learn from now on, in
   * a parameter group of their own with `options`. Does nothing where nothing was.
   *
   * @throws PixelwiseError if a weight that the optimizer moves was frozen meanwhile: freeze before the
   *   learner is made, or set its group's learning rate to 0.
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
    await this.recompile();
  }

  /**
   * Drops the compiled graphs, which hold the values of frozen weights: to be called after these changed
   * (`state.loadStateDict`, say; `loadCheckpoint` does it). Weights that learn need no such call.
   */
  async recompile(): Promise<void> {
    await this.programs.clear();
  }

  /** Weights, buffers, optimizer and the place in the random masks: what {@link restore} brings back. */
  async capture(): Promise<LearnerCapture> {
    await this.synchronize();
    return {
      values: this.state.stateDict(),
      optimizer: structuredClone(this.optimizer.state()),
      batches: this.batches,
    };
  }

  /** Back to where {@link capture} was called, bit for bit, if nothing was unfrozen since. */
  restore({ values, optimizer, batches }: LearnerCapture): Promise<void> {
    this.state.loadStateDict(values);
    this.optimizer.loadState(optimizer);
    this.batches = batches;
    return Promise.resolve();
  }

  /** Releases the compiled graphs, and what is on the device, brought back before. The runtime stays open. */
  async close(): Promise<void> {
    // Where a device is lost, so are its values; whoever asks for them is told. Closing goes on.
    await this.synchronize().catch(() => undefined);
    await this.device.close();
    await this.programs.clear();
  }

  private async compiled(
    kind: 'train' | 'evaluate' | 'evaluate-logits',
    batch: BatchShape,
  ): Promise<CompiledStep> {
    const { size, channels, height, width } = batch;
    const key = `${kind} ${size}×${channels}×${height}×${width}`;
    let graph = this.graphs.get(key);
    if (!graph) {
      const shape = { size, channels, height, width };
      graph =
        kind === 'train'
          ? trainingGraph(this.model, this.terms, shape, {
              shared: this.replicas !== undefined,
              recompute: this.recompute,
              squares: this.device.keeps,
            })
          : evaluationGraph(this.model, this.terms, shape, { logits: kind === 'evaluate-logits' });
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
   * Frozen parts are written into the graph with their values, where ONNX Runtime prepares them once and
   * batch norms vanish into convolutions. Whoever changes frozen weights calls {@link recompile}.
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

  /** A batch is copied to memory of ours, so that the caller's arrays are never lent away. */
  private feeds(batch: Batch, { maps }: StepGraph): Record<string, View> {
    const place = (name: string, data: Float32Array | Uint8Array): View => {
      const key = `${name} ${data.byteLength}`;
      let buffer = this.inputs.get(key);
      if (!buffer) this.inputs.set(key, (buffer = new HostBuffer(data.byteLength)));
      new Uint8Array(buffer.bytes).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      return { buffer, byteOffset: 0 };
    };
    return {
      images: place('images', batch.images),
      target: place('target', batch.masks),
      ...Object.fromEntries(maps.map((map) => [map.name, transferredView(map.compute(batch.masks))])),
    };
  }

  /** A part of a batch gets its part of the masks that the whole would get. */
  private drawMasks(masks: readonly RandomMask[], { first = 0, size }: Batch): Record<string, View> {
    const views = masks.map(({ leaf, keep }, i): [string, View] => {
      const bits = new Uint8Array(leaf.size);
      new Random(this.seed, 'dropout', this.batches, i).fillBernoulli(bits, keep, (first * leaf.size) / size);
      return [leaf.name, { buffer: new HostBuffer(bits.buffer), byteOffset: 0 }];
    });
    return Object.fromEntries(views);
  }
}

/** Does `work`; where memory runs out, says for what batch, how much it was to take, and what to change. */
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

/** Results that arrays take. */
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
