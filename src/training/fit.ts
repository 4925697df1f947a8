/** The training loop. There is one; the LR finder, recipes and the CLI all run through it. */
import type { Batch } from '../data/dataset.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { BatchEvent, Callback, EpochRecord, FitContext, FitState, StopReason } from './callback.js';
import type { Learner } from './learner.js';
import { Tally } from './tally.js';

/** Where batches come from: a `Loader`, or anything like it. */
export interface BatchSource {
  /** Batches in an epoch. */
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
  /** Class names by index, two at least. */
  readonly classNames: readonly string[];
  readonly epochs: number;
  /** Ends the run after so many optimizer steps, in the middle of an epoch if need be. */
  readonly maxSteps?: number | undefined;
  readonly callbacks?: readonly Callback[];
  /** Batches whose gradients are averaged for one optimizer step; default 1. */
  readonly accumulate?: number;
  /** Once aborted, the running step is finished and the run ends as `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** Goes on from here; weights and optimizer are those of the learner. */
  readonly resume?: FitState | undefined;
}

export interface FitResult {
  readonly history: readonly EpochRecord[];
  readonly stopped: StopReason;
  /** Epochs done. */
  readonly epochs: number;
  readonly steps: number;
}

/** Trains. See `callback.ts` for the life cycle. */
export async function fit(options: FitOptions): Promise<FitResult> {
  return new Fit(options).run();
}

class Fit implements FitContext {
  readonly learner: Learner;
  readonly epochs: number;
  readonly batchesPerEpoch: number;
  readonly maxSteps: number;
  epoch = 0;
  batch = 0;
  step = 0;
  readonly history: EpochRecord[] = [];
  private tally: Tally;
  private stopped: StopReason | undefined;
  private readonly callbacks: readonly Callback[];
  private readonly accumulate: number;

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
        'the training part holds no whole batch: use a smaller --batch, or keep the short one',
      );
    }
    const names = callbacks.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined)
      throw new UsageError(`two callbacks are named "${twice}": their saved state would collide`);
    this.learner = learner;
    this.epochs = epochs;
    this.batchesPerEpoch = train.length;
    this.maxSteps = maxSteps ?? Infinity;
    this.callbacks = callbacks;
    this.accumulate = accumulate;
    this.tally = new Tally(options.classNames);
    if (resume) this.restore(resume);
  }

  stop(reason: StopReason): void {
    this.stopped ??= reason;
  }

  snapshot(): FitState {
    const { epoch, batch, step } = this;
    const states = this.callbacks.flatMap((c) => (c.state ? [[c.name, c.state()] as const] : []));
    return {
      epoch,
      batch,
      step,
      batches: this.learner.batches,
      running: batch > 0 ? this.tally.state() : null,
      history: [...this.history],
      callbacks: Object.fromEntries(states),
    };
  }

  private restore(state: FitState): void {
    this.epoch = state.epoch;
    this.batch = state.batch;
    this.step = state.step;
    this.learner.batches = state.batches;
    this.history.push(...state.history);
    if (state.running) this.tally.loadState(state.running);
    for (const callback of this.callbacks) {
      if (callback.name in state.callbacks) callback.loadState?.(state.callbacks[callback.name]);
    }
  }

  async run(): Promise<FitResult> {
    await this.tell('fitStart', (c) => c.fitStart?.(this));
    while (this.epoch < this.epochs && this.step < this.maxSteps && !this.stopped) await this.runEpoch();
    // A run that had nothing left to do (resumed after its end) ends as it did before.
    const stopped = this.stopped ?? (this.step >= this.maxSteps ? 'minutes' : 'epochs');
    if (stopped === 'interrupted' && this.batch > 0)
      await this.tell('interrupted', (c) => c.interrupted?.(this));
    await this.tell('fitEnd', (c) => c.fitEnd?.(this));
    return { history: this.history, stopped, epochs: this.epoch, steps: this.step };
  }

  private async runEpoch(): Promise<void> {
    const { train, signal } = this.options;
    if (this.batch === 0) await this.tell('epochStart', (c) => c.epochStart?.(this));
    let before = performance.now();
    let left = false;
    for await (const batch of train.epoch(this.epoch, { from: this.batch })) {
      await this.trainBatch(batch);
      const now = performance.now();
      this.tally.seconds += (now - before) / 1000;
      before = now;
      if (signal?.aborted) this.stop('interrupted');
      left = this.stopped === 'interrupted' && this.batch < this.batchesPerEpoch;
      if (left || this.step >= this.maxSteps) break;
    }
    if (!left) await this.endEpoch();
  }

  private async trainBatch(batch: Batch): Promise<void> {
    await this.tell('batchStart', (c) => c.batchStart?.(this, batch));
    const { learner } = this;
    const place = this.batch % this.accumulate;
    const sum = place > 0 ? learner.gradients.floats().slice() : undefined;
    const output = await learner.backward(batch);
    const last = place === this.accumulate - 1 || this.batch === this.batchesPerEpoch - 1;
    if (sum) addInto(learner.gradients.floats(), sum);
    if (last && place > 0) scale(learner.gradients.floats(), 1 / (place + 1));
    const event: BatchEvent = { batch, output };
    if (last) {
      await this.tell('backwardEnd', (c) => c.backwardEnd?.(this, event));
      learner.step();
      this.step++;
    }
    this.tally.add(batch, output);
    this.batch++;
    await this.tell('batchEnd', (c) => c.batchEnd?.(this, event));
  }

  private async endEpoch(): Promise<void> {
    const { valid, classNames } = this.options;
    const scores = this.tally.scores();
    let validTally: Tally | undefined;
    if (valid) {
      validTally = new Tally(classNames);
      await this.tell('validStart', (c) => c.validStart?.(this));
      for await (const batch of valid.epoch(0)) {
        const output = await this.learner.evaluate(batch);
        validTally.add(batch, output);
        await this.tell('validBatchEnd', (c) => c.validBatchEnd?.(this, { batch, output }));
      }
      await this.tell('validEnd', (c) => c.validEnd?.(this));
    }
    const record: EpochRecord = {
      epoch: this.epoch + 1,
      step: this.step,
      lr: this.learner.optimizer.groups[0]!.lr,
      seconds: this.tally.seconds,
      imagesPerSecond: this.tally.imagesPerSecond,
      train: scores,
      ...(validTally && { valid: validTally.scores() }),
    };
    this.history.push(record);
    this.epoch++;
    this.batch = 0;
    this.tally = new Tally(classNames);
    await this.tell('epochEnd', (c) => c.epochEnd?.(this, record));
    if (this.options.signal?.aborted) this.stop('interrupted');
  }

  /** Calls one stage of every callback; an error carries the callback's name and the stage. */
  private async tell(
    stage: keyof Callback,
    call: (callback: Callback) => void | Promise<void>,
  ): Promise<void> {
    for (const callback of this.callbacks) {
      try {
        await call(callback);
      } catch (error) {
        if (error instanceof PixelwiseError) throw error;
        const message = error instanceof Error ? error.message : String(error);
        throw new PixelwiseError('callback', `callback "${callback.name}" failed at ${stage}: ${message}`, {
          cause: error,
        });
      }
    }
  }
}

function addInto(to: Float32Array, values: Float32Array): void {
  for (let i = 0; i < to.length; i++) to[i]! += values[i]!;
}

function scale(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i]! *= factor;
}
