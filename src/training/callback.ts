/**
 * Callbacks of the training loop. `fit` calls each stage for all callbacks, in the order given:
 *
 * ```text
 * fit
 * ├─ fitStart
 * ├─ initialScores           if requested: validation scores before the first step, after its validation stages
 * ├─ epoch
 * │  ├─ epochStart
 * │  ├─ train batch
 * │  │  ├─ batchStart        the learning rate of this step is set here
 * │  │  ├─ (forward, loss, backward)
 * │  │  ├─ backwardEnd       gradients may be read and changed (clipping); with accumulation only for the
 * │  │  │                    last batch of a step
 * │  │  ├─ (optimizer step)
 * │  │  └─ batchEnd
 * │  ├─ validStart           if there is a validation part
 * │  │  └─ validBatchEnd
 * │  ├─ validEnd
 * │  └─ epochEnd             scores of the epoch are available; early stopping, checkpoints
 * ├─ interrupted             only when stopped within an epoch
 * └─ fitEnd
 * ```
 *
 * A callback saves its state as plain data (`state`, `loadState`) and as arrays (`arrays`, `loadArrays`), so that a
 * resumed run continues exactly. Callbacks with state must come before the callback that writes checkpoints, because
 * a checkpoint contains their state at that time.
 */
import type { Batch } from '../data/dataset.js';
import type { EpochScores } from './tally.js';
import type { Learner, StepOutput } from './learner.js';

export type StopReason = 'epochs' | 'minutes' | 'patience' | 'interrupted';

/** One line of metrics.jsonl. */
export interface EpochRecord {
  /** Epoch number, from 1. */
  readonly epoch: number;
  /** Total number of optimizer steps. */
  readonly step: number;
  /** Learning rate of the epoch's last step. */
  readonly lr: number;
  readonly seconds: number;
  /** The part of `seconds` spent waiting for the loader; near 0 unless data loading is the bottleneck. */
  readonly waitSeconds: number;
  /** Training images per second, without validation. */
  readonly imagesPerSecond: number;
  /** Training scores at the model's resolution, in training mode, averaged while the weights change. */
  readonly train: EpochScores;
  /** Validation scores at the model's resolution, after the epoch. */
  readonly valid?: EpochScores;
  /** Number of ranks, in distributed training. */
  readonly ranks?: number;
  /** Seconds spent on all-reduce of gradients, in distributed training. */
  readonly allReduceSeconds?: number;
}

/** The state of a run, as callbacks see it. */
export interface FitContext {
  readonly learner: Learner;
  readonly epochs: number;
  /** Number of batches in an epoch. */
  readonly batchesPerEpoch: number;
  /** Maximum number of steps; the run ends there even within an epoch. {@link limitSteps} changes it. */
  readonly maxSteps: number;
  /** Number of batches in the whole run, unless it ends early. A step may consist of several. */
  readonly totalBatches: number;
  /** Completed epochs. */
  readonly epoch: number;
  /** Completed batches of the current epoch. */
  readonly batch: number;
  /** Completed optimizer steps of the run. */
  readonly step: number;
  /**
   * The step at which to read the learning-rate schedule. It equals {@link step} until {@link limitSteps} changes the
   * length of the run. From then on it moves faster or slower, so that the schedule ends with the run.
   */
  readonly scheduleStep: number;
  /** Records of the completed epochs, the latest last. */
  readonly history: readonly EpochRecord[];
  /** Changes the length of a run that was started with `maxSteps`. @param maxSteps above {@link step}. */
  limitSteps(maxSteps: number): void;
  /** Returns the state from which the run can be resumed. */
  snapshot(): FitState;
  /** Ends the run after this epoch. */
  stop(reason: StopReason): void;
}

/** A batch with the output of the model. */
export interface BatchEvent {
  readonly batch: Batch;
  readonly output: StepOutput;
}

/** The state of a callback: plain data that can be stored as JSON. */
export type CallbackState = unknown;

export type Stage<Extra extends unknown[] = []> = (
  context: FitContext,
  ...extra: Extra
) => void | Promise<void>;

export interface Callback {
  /** Unique within a run. Identifies the callback in errors and saved state. */
  readonly name: string;
  /**
   * Set it to false if the callback does not read the images of batches. `train` may then keep the features of a frozen
   * encoder, with which batches come without images.
   */
  readonly readsImages?: boolean;
  fitStart?: Stage;
  initialScores?: Stage<[scores: EpochScores]>;
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
  /** State that is too large for JSON, by name. The arrays may be views of memory that changes later. */
  arrays?(): Readonly<Record<string, Float32Array>>;
  /** Called after {@link loadState} with the saved {@link arrays}. */
  loadArrays?(arrays: Readonly<Record<string, Float32Array>>): void;
  /**
   * Prepares the learner before its weights and the optimizer's state are loaded from a checkpoint. For example,
   * unfreezes a module that was no longer frozen when the checkpoint was saved.
   */
  beforeLoad?(learner: Learner, state: CallbackState): void | Promise<void>;
}

/** Sums over the batches of an incomplete epoch. */
export interface TallyState {
  readonly samples: number;
  readonly loss: number;
  readonly losses: Readonly<Record<string, number>>;
  /** Sums of custom scores; absent in checkpoints of earlier versions. */
  readonly metrics?: Readonly<Record<string, number>> | undefined;
  readonly counts: readonly number[];
  readonly seconds: number;
  readonly waitSeconds: number;
}

/** The state of a run, without weights and optimizer. */
export interface FitState {
  readonly epoch: number;
  readonly batch: number;
  readonly step: number;
  readonly batches: number;
  /** Where `limitSteps` changed the length of the run: its length and the position in its schedule. */
  readonly length?: { readonly maxSteps: number; readonly scheduleStep: number } | undefined;
  readonly running: TallyState | null;
  readonly history: readonly EpochRecord[];
  readonly callbacks: Readonly<Record<string, CallbackState>>;
  /** Arrays by callback and name. */
  readonly arrays: Readonly<Record<string, Readonly<Record<string, Float32Array>>>>;
}
