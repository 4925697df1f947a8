/** Decides whether a run keeps the features of its frozen encoder, and for how many epochs an image looks the same. */
import { freemem } from 'node:os';
import { UsageError } from '../errors/index.js';
import type { StepCost } from '../models/index.js';
import { estimateStepCost } from '../models/index.js';
import type { Runtime } from '../runtime/index.js';
import type { BatchMetric, Callback, Learner } from '../training/index.js';
import { bytesOfFeatures, FeatureMemory, KeptFeatures } from '../training/index.js';
import type { Loaders } from './assemble.js';
import type { Plan } from './train-plan.js';

/** Epochs for which `auto` keeps the features of an augmented image. */
export const FEATURE_EPOCHS = 4;
/** `auto` keeps features if they take at least this share of the time of a step. */
const LEAST_SHARE = 1 / 3;
/** Epochs for which features are kept that never change: longer than any run. */
const ALWAYS = 1_000_000;
/** The share of free memory that features may take, and the most bytes. */
const MEMORY_SHARE = 1 / 4;
const MAX_BYTES = 4 * 2 ** 30;

const GIB = 2 ** 30;

/** Sources of batches in place of the loaders', with features instead of images. */
export interface KeptSources {
  readonly train: KeptFeatures;
  readonly valid: KeptFeatures | undefined;
  readonly epochs: number;
  /** Milliseconds spent on the first features of training images, and an estimate of those that all first ones will take. */
  readonly once: () => { readonly spent: number; readonly left: number };
  /** What is kept, in a sentence. */
  readonly description: string;
  /** Frees what is kept. */
  readonly close: () => void;
}

export interface KeepOptions {
  readonly plan: Pick<
    Plan,
    | 'keepFeatures'
    | 'featureMemory'
    | 'augment'
    | 'patch'
    | 'size'
    | 'parts'
    | 'unfreezing'
    | 'minutes'
    | 'epochs'
  >;
  readonly learner: Learner;
  readonly loaders: Pick<Loaders, 'train' | 'valid'>;
  readonly runtime: Pick<Runtime, 'device'>;
  /** Whether the run follows a recipe. Published settings are not changed unless it is asked for. */
  readonly recipe?: boolean | undefined;
  /** Number of processes that train together. */
  readonly ranks: number;
  /** Callbacks and scores of the user's own. */
  readonly callbacks?: readonly Callback[] | undefined;
  readonly metrics?: Readonly<Record<string, BatchMetric>> | undefined;
  /** The number of epochs of an earlier run that is resumed; 0 if it kept none. */
  readonly earlier?: number | undefined;
  readonly note: (message: string) => void;
}

/** Whether `auto` keeps features: whether steps become so much faster that images may be augmented anew less often. */
export const isWorthKeeping = ({ microseconds, frozen }: StepCost): boolean =>
  frozen !== undefined && frozen.microseconds >= LEAST_SHARE * microseconds;

/** Bytes that kept features may take. @param settings `featureMemory` in GiB. */
export function featureMemory(settings: { readonly featureMemory?: number | undefined }): number {
  const given = settings.featureMemory;
  return given === undefined ? Math.min(MAX_BYTES, MEMORY_SHARE * freemem()) : given * GIB;
}

/**
 * The sources of a run that keeps features; undefined if it keeps none. A note says why, where they could be kept.
 *
 * @throws UsageError if features are to be kept and cannot be.
 */
export function keepFeatures(options: KeepOptions): KeptSources | undefined {
  const { plan, learner, loaders, earlier, note } = options;
  const asked = earlier ?? plan.keepFeatures;
  if (asked === 'off' || asked === 0) return undefined;
  const { channels } = plan.parts.train;
  const image = { channels, ...plan.size };
  const bytes = bytesOfFeatures(learner, 'train', image);
  const obstacle = bytes === undefined ? NOTHING_FROZEN : obstacleTo(options);
  if (obstacle !== undefined) {
    if (typeof asked === 'number') throw new UsageError(`--keep-features ${asked}: ${obstacle}`);
    if (obstacle !== NOTHING_FROZEN) note(`The encoder's features are not kept: ${obstacle}.`);
    return undefined;
  }
  if (asked === 'auto' && (options.recipe || !isWorthKeeping(estimateStepCost(learner.model, channels))))
    return undefined;
  // Nothing is used twice.
  if (earlier === undefined && plan.minutes === undefined && plan.epochs === 1) return undefined;
  const samples = loaders.train.sampleCount;
  const validSamples = loaders.valid?.sampleCount ?? 0;
  const ofValid = loaders.valid && bytesOfFeatures(learner, 'evaluate', image);
  const total = (samples * bytes! + validSamples * (ofValid ?? 0)) / GIB;
  const allowed = featureMemory(plan) / GIB;
  if (asked === 'auto' && total > allowed) {
    note(
      `The encoder's features are not kept: they would take ${total.toFixed(2)} GiB, and ${allowed.toFixed(2)} GiB are allowed (--feature-memory).`,
    );
    return undefined;
  }
  const changes = plan.augment !== 'none' || plan.patch !== undefined;
  const epochs = typeof asked === 'number' ? asked : changes ? FEATURE_EPOCHS : ALWAYS;
  const memory = new FeatureMemory(allowed * GIB);
  const shared = { learner, image, memory };
  const train = new KeptFeatures({ ...shared, source: loaders.train, mode: 'train', epochs, samples });
  const valid =
    loaders.valid && ofValid !== undefined
      ? new KeptFeatures({
          ...shared,
          source: loaders.valid,
          mode: 'evaluate',
          epochs: ALWAYS,
          samples: validSamples,
        })
      : undefined;
  const often = changes
    ? ` Each image is augmented anew every ${epochs === 1 ? 'epoch' : `${epochs} epochs`}.`
    : '';
  const fits =
    total <= allowed
      ? ''
      : ` Only ${allowed.toFixed(2)} GiB are allowed (--feature-memory), so the rest is computed every time.`;
  return {
    train,
    valid,
    epochs,
    once: () => ({
      spent: train.spent,
      left: train.perSample * (train.missing + (valid?.missing ?? 0)),
    }),
    description: `The encoder is frozen, so its features are kept: ${total.toFixed(2)} GiB.${often}${fits}`,
    close: () => [train, valid].forEach((each) => each?.clear()),
  };
}

const NOTHING_FROZEN = 'no part of the model is frozen';

/** Why features cannot be kept, or should not be without being asked for. */
function obstacleTo(options: KeepOptions): string | undefined {
  const { plan, runtime, ranks } = options;
  if (plan.unfreezing) return 'the encoder is trained after --unfreeze-after';
  if (ranks > 1) return 'several processes train together';
  if (runtime.device !== 'cpu') return `the model runs on ${runtime.device}`;
  if (plan.keepFeatures === 'auto' && readsImages(options))
    return 'callbacks or scores of your own may read the images of batches';
  return undefined;
}

/** Whether code of the user's own may read the images of batches. */
function readsImages({ callbacks = [], metrics = {} }: KeepOptions): boolean {
  const getsBatches = ({ batchStart, backwardEnd, batchEnd, validBatchEnd }: Callback) =>
    [batchStart, backwardEnd, batchEnd, validBatchEnd].some((stage) => stage !== undefined);
  return (
    callbacks.some((each) => each.readsImages !== false && getsBatches(each)) ||
    // The batch is the third argument of a score.
    Object.values(metrics).some(({ length }) => length > 2)
  );
}
