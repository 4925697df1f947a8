/** The training loop. The LR finder, recipes and the command line all use it. */
import type { Batch } from '../data/dataset.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { BatchEvent, Callback, EpochRecord, FitContext, FitState, StopReason } from './callback.js';
import type { Learner, StepOutput } from './learner.js';
import type { BatchMetric, EpochScores } from './tally.js';
import { Tally } from './tally.js';

/** A source of batches, such as a `Loader`. */
export interface BatchSource {
  /** Number of batches in an epoch. */
  readonly length: number;
  epoch(
    epoch: number,
    options?: { readonly from?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<Batch>;
}

export interface FitOptions {
  readonly learner: Learner;
  readonly train: BatchSource;
  readonly valid?: BatchSource | undefined;
  /** At least two class names, by index. */
  readonly classNames: readonly string[];
  readonly epochs: number;
  /** Ends the run after this number of optimizer steps, even within an epoch. */
  readonly maxSteps?: number | undefined;
  readonly callbacks?: readonly Callback[];
  /** Custom scores, by name. */
  readonly metrics?: Readonly<Record<string, BatchMetric>> | undefined;
  /**
   * Number of batches per optimizer step (gradient accumulation); default 1. Batches are weighted by their number of
   * samples. Up to rounding, the step equals that of one large batch if the loss is a mean over pixels and no pixels
   * are ignored (cross-entropy). It differs if the loss is a quotient of sums over the batch (Dice over pooled
   * pixels, class weights) or if layers use statistics of the batch (batch norm).
   */
  readonly accumulate?: number;
  /** When aborted, the current step (with all its batches) is completed and the run ends as `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** Scores the validation part once before the first step, for `initialScores` of callbacks. */
  readonly scoreFirst?: boolean | undefined;
  /** Continues from this state. The learner must already have the weights and the optimizer's state. */
  readonly resume?: FitState | undefined;
}

export interface FitResult {
  readonly history: readonly EpochRecord[];
  readonly stopped: StopReason;
  /** Completed epochs. */
  readonly epochs: number;
  readonly steps: number;
}

/** Trains a model. See `callback.ts` for the life cycle. */
export async function fit(options: FitOptions): Promise<FitResult> {
  return new Fit(options).run();
}

class Fit implements FitContext {
  readonly learner: Learner;
  epochs: number;
  readonly batchesPerEpoch: number;
  maxSteps: number;
  epoch = 0;
  batch = 0;
  step = 0;
  scheduleStep = 0;
  readonly history: EpochRecord[] = [];
  private tally: Tally;
  private stopped: StopReason | undefined;
  private readonly callbacks: readonly Callback[];
  private readonly accumulate: number;
  /** The length of the run that its schedule was made for. */
  private readonly scheduledSteps: number;

  constructor(private readonly options: FitOptions) {
    const { learner, train, epochs, callbacks = [], accumulate = 1, maxSteps, resume } = options;
    if (!Number.isInteger(epochs) || epochs < 1)
      throw new UsageError(`epochs must be a whole number from 1, not ${epochs}`);
    if (!Number.isInteger(accumulate) || accumulate < 1) {
      throw new UsageError(`accumulate must be a whole number from 1, not ${accumulate}`);
    }
    if (train.length < 1) {
      throw new PixelwiseError(
        'data',
        'the training part has fewer samples than a batch: use a smaller --batch, or keep the incomplete batch',
      );
    }
    const names = callbacks.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined)
      throw new UsageError(`two callbacks are named "${twice}": their saved state would collide`);
    this.learner = learner;
    this.epochs = epochs;
    this.batchesPerEpoch = train.length;
    this.maxSteps = this.scheduledSteps = maxSteps ?? Infinity;
    this.callbacks = callbacks;
    this.accumulate = accumulate;
    this.tally = this.newTally();
    if (resume) this.restore(resume);
  }

  get totalBatches(): number {
    return Math.min(this.epochs * this.batchesPerEpoch, this.batchesOf(this.maxSteps));
  }

  limitSteps(maxSteps: number): void {
    if (!(maxSteps > this.step))
      throw new UsageError(`maxSteps must be above ${this.step}, the steps done, not ${maxSteps}`);
    this.maxSteps = maxSteps;
    this.epochs = Math.ceil(maxSteps / Math.ceil(this.batchesPerEpoch / this.accumulate));
  }

  stop(reason: StopReason): void {
    this.stopped ??= reason;
  }

  snapshot(): FitState {
    const { epoch, batch, step, maxSteps, scheduleStep } = this;
    const states = this.callbacks.flatMap((c) => (c.state ? [[c.name, c.state()] as const] : []));
    const arrays = this.callbacks.flatMap((c) => (c.arrays ? [[c.name, c.arrays()] as const] : []));
    return {
      epoch,
      batch,
      step,
      batches: this.learner.batches,
      ...(maxSteps !== this.scheduledSteps && { length: { maxSteps, scheduleStep } }),
      running: batch > 0 ? this.tally.state() : null,
      history: [...this.history],
      callbacks: Object.fromEntries(states),
      arrays: Object.fromEntries(arrays),
    };
  }

  private restore(state: FitState): void {
    this.epoch = state.epoch;
    this.batch = state.batch;
    this.step = state.step;
    this.scheduleStep = state.length?.scheduleStep ?? state.step;
    if (state.length) this.limitSteps(Math.max(state.length.maxSteps, state.step + 1));
    this.learner.batches = state.batches;
    this.history.push(...state.history);
    if (state.running) this.tally.loadState(state.running);
    for (const callback of this.callbacks) {
      const { name } = callback;
      if (name in state.callbacks) callback.loadState?.(state.callbacks[name]);
      if (name in state.arrays) callback.loadArrays?.(state.arrays[name]!);
    }
  }

  async run(): Promise<FitResult> {
    await this.learner.synchronize();
    await this.notify('fitStart', (c) => c.fitStart?.(this));
    if (this.options.scoreFirst && this.options.valid && !this.options.resume) {
      const scores = await this.validScores(this.options.valid);
      await this.notify('initialScores', (c) => c.initialScores?.(this, scores));
    }
    while (this.epoch < this.epochs && this.step < this.maxSteps && !this.stopped) await this.runEpoch();
    // A run that is resumed after its end has the same outcome as before.
    const stopped = this.stopped ?? (this.step >= this.maxSteps ? 'minutes' : 'epochs');
    if (stopped === 'interrupted' && this.batch > 0) {
      await this.learner.synchronize();
      await this.averageBuffers();
      await this.notify('interrupted', (c) => c.interrupted?.(this));
    }
    await this.notify('fitEnd', (c) => c.fitEnd?.(this));
    return { history: this.history, stopped, epochs: this.epoch, steps: this.step };
  }

  private async runEpoch(): Promise<void> {
    const { train } = this.options;
    if (this.batch === 0) await this.notify('epochStart', (c) => c.epochStart?.(this));
    let before = performance.now();
    let left = false;
    for await (const batch of train.epoch(this.epoch, { from: this.batch })) {
      this.tally.waitSeconds += (performance.now() - before) / 1000;
      await this.trainBatch(batch);
      const now = performance.now();
      this.tally.seconds += (now - before) / 1000;
      before = now;
      if (await this.isAborted()) this.stopped = 'interrupted';
      // Not between the batches of one step: accumulated gradients are not saved.
      const whole = this.batch % this.accumulate === 0 && this.batch < this.batchesPerEpoch;
      // Nor after the last step of a time budget: the epoch ends there, and must be scored and saved.
      left = this.stopped === 'interrupted' && whole && this.step < this.maxSteps;
      if (left || this.step >= this.maxSteps) break;
    }
    if (!left) await this.endEpoch();
  }

  private async trainBatch(batch: Batch): Promise<void> {
    await this.notify('batchStart', (c) => c.batchStart?.(this, batch));
    const { learner } = this;
    const output = await learner.backward(batch);
    const ends = (this.batch + 1) % this.accumulate === 0 || this.batch === this.batchesPerEpoch - 1;
    if (this.accumulate > 1) await learner.accumulateGradients(output.samples, ends);
    const event: BatchEvent = { batch, output };
    if (ends) {
      await learner.reduceGradients();
      await this.notify('backwardEnd', (c) => c.backwardEnd?.(this, event));
      await learner.step();
      this.moveSchedule();
      this.step++;
    }
    await this.count(this.tally, batch, output);
    this.batch++;
    await this.notify('batchEnd', (c) => c.batchEnd?.(this, event));
  }

  /** Moves on in the schedule by as much as makes it end with the run. */
  private moveSchedule(): void {
    const { maxSteps, step, scheduleStep, scheduledSteps } = this;
    this.scheduleStep +=
      maxSteps === scheduledSteps && scheduleStep === step
        ? 1
        : (scheduledSteps - scheduleStep) / (maxSteps - step);
  }

  private async count(tally: Tally, batch: Batch, output: StepOutput): Promise<void> {
    const { replicas } = this.learner;
    if (replicas) await tally.addShared(batch, output, replicas);
    else tally.add(batch, output);
  }

  /** Whether the run must stop. All ranks stop if one of them is aborted. */
  private async isAborted(): Promise<boolean> {
    const { learner, options } = this;
    const own = options.signal?.aborted ?? false;
    return learner.replicas ? learner.replicas.any(own) : own;
  }

  /**
   * Averages running statistics over the ranks before they are used or saved. During an epoch they differ, because
   * each rank processes only its own samples. Moving averages with the same decay can be averaged at any time.
   */
  private async averageBuffers(): Promise<void> {
    const { replicas, state } = this.learner;
    await replicas?.average(state.fixed.map((slot) => state.values(slot)));
  }

  /** Number of batches in `steps` optimizer steps. The last step of an epoch may have fewer batches. */
  private batchesOf(steps: number): number {
    if (steps === Infinity) return Infinity;
    const { batchesPerEpoch, accumulate } = this;
    const stepsPerEpoch = Math.ceil(batchesPerEpoch / accumulate);
    const wholeEpochs = Math.floor(steps / stepsPerEpoch);
    return wholeEpochs * batchesPerEpoch + (steps % stepsPerEpoch) * accumulate;
  }

  private async endEpoch(): Promise<void> {
    const { valid } = this.options;
    const { replicas } = this.learner;
    await this.learner.synchronize();
    await this.averageBuffers();
    const { state } = this.learner;
    await replicas?.checkAlike(state.trainable.map((slot) => state.values(slot)));
    // Non-finite weights must be neither scored nor saved.
    this.learner.checkWeights();
    const scores = this.tally.scores();
    const validScores = valid && (await this.validScores(valid));
    const record: EpochRecord = {
      epoch: this.epoch + 1,
      step: this.step,
      lr: this.learner.optimizer.groups[0]!.lr,
      seconds: this.tally.seconds,
      waitSeconds: this.tally.waitSeconds,
      imagesPerSecond: this.tally.imagesPerSecond,
      train: scores,
      ...(validScores && { valid: validScores }),
      ...(replicas && { ranks: replicas.communicator.size, allReduceSeconds: replicas.seconds }),
    };
    if (replicas) replicas.seconds = 0;
    this.history.push(record);
    this.epoch++;
    this.batch = 0;
    this.tally = this.newTally();
    await this.notify('epochEnd', (c) => c.epochEnd?.(this, record));
    if (await this.isAborted()) this.stopped = 'interrupted';
  }

  private newTally(): Tally {
    const { classNames, metrics, learner } = this.options;
    return new Tally(classNames, metrics, learner.multiLabel);
  }

  private async validScores(valid: BatchSource): Promise<EpochScores> {
    const tally = this.newTally();
    await this.notify('validStart', (c) => c.validStart?.(this));
    // A callback may have replaced the values.
    await this.averageBuffers();
    for await (const batch of valid.epoch(0)) {
      const output = await this.learner.evaluate(batch, { pooled: true });
      await this.count(tally, batch, output);
      await this.notify('validBatchEnd', (c) => c.validBatchEnd?.(this, { batch, output }));
    }
    await this.notify('validEnd', (c) => c.validEnd?.(this));
    return tally.scores();
  }

  /** Calls one stage of every callback. Errors include the name of the callback and the stage. */
  private async notify(
    stage: keyof Callback,
    call: (callback: Callback) => void | Promise<void>,
  ): Promise<void> {
    for (const callback of this.callbacks) {
      try {
        await call(callback);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        const code = error instanceof PixelwiseError ? error.code : 'callback';
        throw new PixelwiseError(code, `callback "${callback.name}" failed at ${stage}: ${message}`, {
          cause: error,
        });
      }
    }
  }
}
