/**
 * What may happen around the arithmetic of training. `fit` calls callbacks in the order given:
 *
 * ```text
 * fit
 * ├─ fitStart
 * ├─ epoch
 * │  ├─ epochStart
 * │  ├─ train batch
 * │  │  ├─ batchStart        the learning rate of this step is set here
 * │  │  ├─ (forward, loss, backward)
 * │  │  ├─ backwardEnd       gradients may be read and changed (clipping); with accumulation only in the
 * │  │  │                    last batch of a step
 * │  │  ├─ (optimizer step)
 * │  │  └─ batchEnd
 * │  ├─ validStart           if there is a validation part
 * │  │  └─ validBatchEnd
 * │  ├─ validEnd
 * │  └─ epochEnd             scores of the epoch are in; early stopping decides, checkpoints are written
 * ├─ interrupted             only when stopped inside of an epoch
 * └─ fitEnd
 * ```
 *
 * A callback owns what it must remember, and hands it over as plain data (`state`, `loadState`) and as arrays
 * (`arrays`, `loadArrays`), so that a resumed run goes on as if never stopped. What has state stands before
 * the callback that writes checkpoints: a checkpoint holds what each had decided by then.
 */
import type { Batch } from '../data/dataset.js';
import type { EpochScores } from './tally.js';
import type { Learner, StepOutput } from './learner.js';

export type StopReason = 'epochs' | 'minutes' | 'patience' | 'interrupted';

/** One line of metrics.jsonl. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Optimizer steps of the run so far. */
  readonly step: number;
  /** Learning rate of the epoch's last step. */
  readonly lr: number;
  readonly seconds: number;
  /** The part of `seconds` in which training waited for the loader: near 0 where data is not what bounds it. */
  readonly waitSeconds: number;
  /** Training images a second, validation not counted. */
  readonly imagesPerSecond: number;
  /** At the model's resolution, in training mode, while the weights move. */
  readonly train: EpochScores;
  /** At the model's resolution, after the epoch. */
  readonly valid?: EpochScores;
  /** Where several trained as one: how many. */
  readonly ranks?: number;
  /** Where several trained as one: seconds of the epoch in which gradients went between them. */
  readonly allReduceSeconds?: number;
}

/** The state of a run, as callbacks see it. */
export interface FitContext {
  readonly learner: Learner;
  readonly epochs: number;
  /** Batches in an epoch. */
  readonly batchesPerEpoch: number;
  /** Steps after which the run ends, whatever the epochs. */
  readonly maxSteps: number;
  /** Batches of the whole run, where nothing ends it earlier. A step may be made of several. */
  readonly totalBatches: number;
  /** Epochs done. */
  readonly epoch: number;
  /** Batches done in the running epoch. */
  readonly batch: number;
  /** Optimizer steps done in all. */
  readonly step: number;
  /** Epochs so far, the latest last. */
  readonly history: readonly EpochRecord[];
  /** Everything needed to go on from here. */
  snapshot(): FitState;
  /** Ends the run after this epoch. */
  stop(reason: StopReason): void;
}

/** A batch with what the model made of it. */
export interface BatchEvent {
  readonly batch: Batch;
  readonly output: StepOutput;
}

/** What a callback remembers: plain data that JSON can hold. */
export type CallbackState = unknown;

type Stage<Extra extends unknown[] = []> = (context: FitContext, ...extra: Extra) => void | Promise<void>;

export interface Callback {
  /** Unique within a run; errors and saved state carry it. */
  readonly name: string;
  fitStart?: Stage;
  epochStart?: Stage;
  batchStart?: Stage<[batch: Batch]>;
  backwardEnd?: Stage<[event: BatchEvent]>;
  batchEnd?: Stage<[event: BatchEvent]>;
  validStart?: Stage;
  validBatchEnd?: Stage<[event: BatchEvent]>;
  validEnd?: Stage;
  epochEnd?: Stage<[record: EpochRecord]>;
  interrupted?: Stage;
  fitEnd?: Stage;
  state?(): CallbackState;
  loadState?(state: CallbackState): void;
  /** Numbers too many for JSON, by name; may be views of what goes on changing. */
  arrays?(): Readonly<Record<string, Float32Array>>;
  /** Called after {@link loadState}, with what {@link arrays} gave. */
  loadArrays?(arrays: Readonly<Record<string, Float32Array>>): void;
  /**
   * Brings the learner into the form that a checkpoint was saved in, before its weights and the optimizer's
   * state are loaded: unfreezes, say, what had been unfrozen by then.
   */
  beforeLoad?(learner: Learner, state: CallbackState): void | Promise<void>;
}

/** Sums of an epoch that was left half done. */
export interface TallyState {
  readonly samples: number;
  readonly loss: number;
  readonly losses: Readonly<Record<string, number>>;
  /** Sums of scores of your own; checkpoints of earlier versions have none. */
  readonly metrics?: Readonly<Record<string, number>> | undefined;
  readonly counts: readonly number[];
  readonly seconds: number;
  readonly waitSeconds: number;
}

/** Where a run stands, beside the values of weights and optimizer. */
export interface FitState {
  readonly epoch: number;
  readonly batch: number;
  readonly step: number;
  readonly batches: number;
  readonly running: TallyState | null;
  readonly history: readonly EpochRecord[];
  readonly callbacks: Readonly<Record<string, CallbackState>>;
  /** By callback, then by the name that it gave. */
  readonly arrays: Readonly<Record<string, Readonly<Record<string, Float32Array>>>>;
}
