/** Makes the plan of a run from its options and data. The defaults are applied here. */
import type { Dataset, DoctorReport, Normalization, Parts } from '../data/index.js';
import {
  FORMAT_NAMES,
  datasetNormalization,
  defaultNormalization,
  normalizationOf,
  percentileNormalization,
} from '../data/index.js';
import { UsageError } from '../errors/index.js';
import { levelNames } from '../objects/index.js';
import { shareDecoding } from '../images/decode-cache.js';
import type { ModelValues } from '../models/index.js';
import { LOSSES, type LossSettings } from '../nn/index.js';
import type { MonitorMetric, RunConfig } from '../training/index.js';
import { patienceWithoutValidation } from './check-options.js';
import type { Chosen, MachineFacts } from './choose.js';
import { choiceLines, chooseSettings } from './choose.js';
import { DEFAULT_PATCH } from './choose-patch.js';
import { dataFacts } from './data-facts.js';
import { checkLearningSettings, lossSettingsFor } from './learning-settings.js';
import { machineFacts, pretrainedWeights } from './machine-facts.js';
import { defaultLoss } from './choose.js';
import { modelSettings, unfreezingOf } from './model-settings.js';
import { checkThresholdCanBeChosen } from './run-threshold.js';
import type { CheckedSettings, ResolvedSettings, NamedTrainOptions, TrainSettings } from './train-options.js';
import { checkedOptions, resolveSettings } from './train-options.js';
import type { RunObjects } from './run-objects.js';
import { learningRateOf, namesOf } from './run-objects.js';
import type { EarlierData } from './training-data.js';
import { examined, openTrainingData, withAbsolutePath, warningsOf } from './training-data.js';

/** Settings that a plan stores in a different form. */
type ConvertedSettings =
  | 'model'
  | 'task'
  | 'classes'
  | 'encoderWeights'
  | 'encoder'
  | 'size'
  | 'patch'
  | 'epochs'
  | 'lr'
  | 'loss'
  | 'monitor'
  | 'threshold'
  | 'optimizer'
  | 'schedule'
  | 'augment';

/** Everything about a run that is decided before it starts: all settings, and what follows from them and the data. */
export interface Plan extends Omit<ResolvedSettings, ConvertedSettings> {
  readonly parts: Parts;
  readonly task: 'classes' | 'objects';
  readonly classes: readonly string[];
  /** The names of the network's outputs: the classes, or for objects the levels of each class. */
  readonly outputs: readonly string[];
  /** How the data was read, for `data.options` in config.json. Data to evaluate later is read with the same options. */
  readonly dataOptions: Readonly<Record<string, unknown>>;
  /** The `--val` and `--test` options for config.json, with absolute paths. */
  readonly partOptions: Pick<TrainSettings, 'val' | 'test'>;
  readonly model: { readonly name: string; readonly options: ModelValues };
  readonly encoderWeights: string | undefined;
  /** What images are resized to; with `patch`, the size of the patches. */
  readonly size: { readonly height: number; readonly width: number };
  /** The model learns on patches at this scale; undefined if it learns on whole images. */
  readonly patch: RunConfig['patch'];
  readonly normalization: Normalization;
  readonly epochs: number;
  /** The score that decides the best epoch and early stopping. */
  readonly monitor: MonitorMetric;
  /** The learning rate. If `findLr` is true, the range test replaces it. */
  readonly lr: number;
  /** Whether a learning-rate range test runs first. Its suggestion replaces `lr`. */
  readonly findLr: boolean;
  readonly loss: string;
  /** Settings of the loss, with class weights as numbers; undefined if the loss is an object. */
  readonly lossSettings: LossSettings | undefined;
  readonly unfreezing: { readonly after: number; readonly lr: number | undefined } | undefined;
  readonly threshold: number | 'auto';
  readonly optimizer: string;
  readonly schedule: string;
  readonly augment: string;
  /** Parts given as objects. `model`, `loss` and the others above hold their names. */
  readonly objects: RunObjects;
  /** SHA-256 over the ids of all parts. */
  readonly fingerprint: string;
  readonly notes: readonly string[];
  /** Result of examining some of the pairs; undefined if they were not examined. */
  readonly report: DoctorReport | undefined;
  /** Settings that the user did not give and that were chosen from the data and the machine. */
  readonly chosen: Chosen;
}

/** The longest side that images are resized to unless a size is given. */
const DEFAULT_SIDE = 256;

const DEFAULT_LR = 1e-3;

const NOTHING_CHOSEN: Chosen = { settings: {}, choices: [] };

/**
 * Opens and splits the data, and determines every setting: the given value, else one chosen from the data and the
 * machine, else the default. This takes several passes over the data, which share decoded images.
 *
 * @param options `choosing`: whether to choose settings that are not given; false for a resumed run, whose settings
 *   were chosen when it started. `machine`: the machine to choose for; default: this one.
 */
export function planTraining(given: NamedTrainOptions, options: PlanOptions = {}): Promise<Plan> {
  return shareDecoding(() => plan(given, options));
}

interface PlanOptions extends EarlierData {
  readonly choosing?: boolean;
  readonly machine?: MachineFacts;
  /** The normalisation of an earlier run, in place of one chosen from the data. */
  readonly normalization?: Normalization | undefined;
}

async function plan(
  given: NamedTrainOptions,
  { choosing = true, machine, known, layout, normalization }: PlanOptions,
): Promise<Plan> {
  const asked = checkedOptions(given);
  const objects = asked.objects ?? {};
  const names = namesOf(objects);
  const data = await openTrainingData(asked, { known, layout, choosing });
  const { dataset, parts, fingerprint, task } = data;
  if (task === 'objects') checkObjectSettings(asked);
  else checkClassSettings(asked);
  const report = await examined(data);
  const chosen = choosing
    ? await choicesFor(
        parts.train,
        { ...asked, ...levelSettings(task), ...placeholdersFor(objects, normalization) },
        machine,
      )
    : NOTHING_CHOSEN;
  const options: NamedTrainOptions = { ...asked, ...chosen.settings };
  const settings = resolveSettings(options);
  const lr =
    typeof settings.lr === 'number'
      ? settings.lr
      : objects.optimizer
        ? learningRateOf(objects.optimizer)
        : DEFAULT_LR;
  checkLearningSettings({ ...settings, lr, objects });
  const { classes, multiLabel } = dataset;
  const outputs = task === 'objects' ? levelNames(classes) : classes;
  const binary = outputs.length === 2 && multiLabel !== true;
  const { notes: modelNotes, ...model } = modelSettings(settings);
  const notes = [
    ...formatNote(dataset),
    ...(dataset.notes ?? []),
    ...(report ? warningsOf(report) : []),
    ...choiceLines(chosen.choices),
    ...(task === 'objects' && asked.task === undefined
      ? [
          'The truth tells objects apart, so the run learns objects. --task classes learns only their classes.',
        ]
      : []),
    ...modelNotes,
  ];
  if (options.patience !== undefined && !parts.valid) throw patienceWithoutValidation();
  return {
    ...settings,
    parts,
    task,
    classes,
    outputs,
    dataOptions: {
      // Other data is read in the same format only if that is a format of files.
      format: FORMAT_NAMES.find((name) => name === dataset.format),
      target: options.target,
      group: options.group,
      multiLabel: dataset.multiLabel,
      resizeMasks: options.resizeMasks,
      strict: options.strict,
      pages: options.pages,
      images: options.images,
      masks: options.masks,
      maskValues: dataset.maskValues,
    },
    partOptions: {
      ...(options.val !== undefined && { val: await withAbsolutePath(options.val) }),
      ...(options.test !== undefined && { test: await withAbsolutePath(options.test) }),
    },
    ...model,
    ...(await inputOf(settings, parts.train)),
    normalization: normalization ?? (await normalizationFor(options.normalize, parts.train)),
    monitor: monitorOf(settings.monitor, binary),
    lr,
    findLr: options.lr === 'auto',
    optimizer: names.optimizer ?? settings.optimizer,
    schedule: names.schedule ?? settings.schedule,
    augment: names.augment ?? settings.augment,
    objects,
    loss: names.loss ?? options.loss ?? (task === 'objects' ? 'cross-entropy+dice' : defaultLoss(dataset)),
    lossSettings: objects.loss ? undefined : await lossSettingsFor(settings, parts.train, outputs),
    unfreezing: unfreezingOf(settings),
    threshold: await thresholdOf(settings.threshold, options.signal, classes.length === 2, parts),
    fingerprint,
    notes,
    report,
    chosen,
  };
}

/** Settings of objects that do not depend on the data. Each class has rims and cores, so none is rare. */
const levelSettings = (task: 'classes' | 'objects'): Partial<CheckedSettings> =>
  task === 'objects' ? { loss: 'cross-entropy+dice', classWeights: 'none' } : {};

/** @throws UsageError for a setting that objects cannot have. */
function checkObjectSettings({ maskInterpolation, threshold }: CheckedSettings): void {
  if (maskInterpolation === 'as-image') {
    throw new UsageError('The numbers of objects cannot be interpolated: leave --mask-interpolation out.');
  }
  if (threshold === 'auto') {
    throw new UsageError(
      '--threshold auto is for --task classes; objects are found without it: leave it out.',
    );
  }
}

/** @throws UsageError for a loss that only objects can have. */
function checkClassSettings({ loss }: CheckedSettings): void {
  const names = loss?.split('+').map((term) => term.split(':')[0]!.trim()) ?? [];
  const other = names.find((name) => LOSSES[name]?.forObjects);
  if (other !== undefined) {
    throw new UsageError(`--loss ${other} is for objects: add --task objects, or choose another loss.`);
  }
}

/** A note that names the format of the data, and how images and masks were paired. */
function formatNote({ format, pairing }: Dataset): string[] {
  return [`Data read as ${format}${pairing === undefined ? '' : `: ${pairing}`}.`];
}

/** Placeholder settings for what is given as an object, so that `chooseSettings` does not choose it. */
function placeholdersFor(
  { loss, optimizer, augment }: RunObjects,
  normalization: Normalization | undefined,
): Partial<CheckedSettings> {
  return {
    ...(normalization && { normalize: 'none' }),
    ...(loss && { loss: 'bce', classWeights: 'none' }),
    ...(optimizer && { lr: learningRateOf(optimizer) }),
    ...(augment && { augment: 'none' }),
  };
}

/** How pixel values are normalised. Statistics are computed on the training part only. */
async function normalizationFor(name: CheckedSettings['normalize'], train: Dataset): Promise<Normalization> {
  const chosen = name ?? (train.maxValue === 255 ? undefined : 'percentiles');
  if (chosen === undefined) return defaultNormalization(train.channels);
  if (chosen === 'percentiles') return percentileNormalization(train);
  if (chosen === 'dataset') return datasetNormalization(train);
  return normalizationOf(chosen === 'min-max' ? 'per-image' : chosen, train.channels);
}

async function thresholdOf(
  threshold: number | 'auto',
  signal: AbortSignal | undefined,
  binary: boolean,
  { valid }: Parts,
): Promise<number | 'auto'> {
  if (threshold === 0.5) return threshold;
  if (!binary)
    throw new UsageError(
      '--threshold is only for data with two classes, and this data has more: leave it out',
    );
  if (threshold !== 'auto') return threshold;
  if (!valid) {
    throw new UsageError(
      '--threshold auto is chosen on the validation part: set --val above 0, or give a number',
    );
  }
  await checkThresholdCanBeChosen(valid, signal);
  return threshold;
}

/** Scores that exist only for data with two classes. */
const BINARY_METRICS: readonly MonitorMetric[] = ['dice', 'iou'];

function monitorOf(monitor: MonitorMetric, binary: boolean): MonitorMetric {
  if (binary || !BINARY_METRICS.includes(monitor)) return monitor;
  throw new UsageError(
    `--monitor ${monitor} is a score of the foreground class, which needs data with two classes: use meanDice, meanIoU, pixelAccuracy or loss`,
  );
}

/** The automatic choices; none with a recipe, because settings that a recipe does not set take their defaults. */
async function choicesFor(
  train: Dataset,
  given: NamedTrainOptions,
  machine: MachineFacts | undefined,
): Promise<Chosen> {
  if (given.recipe !== undefined) return NOTHING_CHOSEN;
  const facts = machine ?? (await machineFacts(given, await pretrainedWeights(given)));
  return chooseSettings(await dataFacts(train), facts, given);
}

/** What the model sees: whole images resized to `size`, or patches of that size. */
async function inputOf(
  { size, patch }: Pick<CheckedSettings, 'size' | 'patch'>,
  train: Dataset,
): Promise<Pick<Plan, 'size' | 'patch'>> {
  if (patch === undefined || patch === 'none')
    return { size: size ?? (await sizeFrom(train)), patch: undefined };
  return { size: patch === 'auto' ? DEFAULT_PATCH : patch, patch: { scale: 1 } };
}

async function sizeFrom(dataset: Dataset): Promise<{ height: number; width: number }> {
  const { image } = await dataset.get(0);
  const scale = Math.min(1, DEFAULT_SIDE / Math.max(image.height, image.width));
  const side = (n: number) => Math.max(32, Math.round((n * scale) / 32) * 32);
  return { height: side(image.height), width: side(image.width) };
}
