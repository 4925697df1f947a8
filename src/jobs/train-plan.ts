/** From settings and data to everything that makes a run: the defaults live here. */
import { availableParallelism } from 'node:os';
import type { Dataset, DoctorReport, Normalization, Parts } from '../data/index.js';
import { datasetNormalization, defaultNormalization, normalizationOf } from '../data/index.js';
import { UsageError } from '../errors/index.js';
import type { LossSettings } from '../nn/index.js';
import type { MonitorMetric } from '../training/index.js';
import type { Chosen, MachineFacts } from './choose.js';
import { choiceLines, chooseSettings } from './choose.js';
import { dataFacts, machineFacts } from './data-facts.js';
import { lossSettingsFor, optimizerSettings, scheduleSettings } from './learning-settings.js';
import { modelSettings, unfreezingOf } from './model-settings.js';
import { checkThresholdCanBeChosen } from './run-threshold.js';
import type {
  LogName,
  NormalizeName,
  OptimizerName,
  SamplerName,
  ScheduleName,
  TrainOptions,
  TrainSettings,
} from './train-options.js';
import { examined, lasting, openTrainingData, warningsOf } from './training-data.js';

export interface Plan {
  readonly parts: Parts;
  readonly classes: readonly string[];
  /** How the data was read, for `data.options` of config.json: other data is read by it to be scored alike. */
  readonly dataOptions: Readonly<Record<string, unknown>>;
  /** Where parts come from, for `options` of config.json: paths as they hold from any folder. */
  readonly partOptions: Pick<TrainSettings, 'val' | 'test'>;
  readonly model: { readonly name: string; readonly options: Record<string, number | string | boolean> };
  readonly encoderWeights: string | undefined;
  /** Of `onnx-unet`, whose options are known once the file was measured. */
  readonly encoder: { readonly file: string; readonly taps: readonly string[] } | undefined;
  readonly size: { readonly height: number; readonly width: number };
  readonly normalization: Normalization;
  readonly batch: number;
  readonly dropLast: boolean;
  readonly epochs: number;
  readonly minutes: number | undefined;
  /** What the best epoch and patience go by. */
  readonly monitor: MonitorMetric;
  readonly patience: number | undefined;
  readonly minDelta: number;
  /** Where it is to be looked for, what the optimizer is made with until then. */
  readonly lr: number;
  /** Whether a range test comes first, whose suggestion replaces `lr`. */
  readonly findLr: boolean;
  readonly optimizer: OptimizerName;
  readonly momentum: number | undefined;
  readonly weightDecay: number | undefined;
  readonly alpha: number | undefined;
  readonly eps: number | undefined;
  readonly schedule: ScheduleName;
  readonly stepEpochs: number | undefined;
  readonly stepFactor: number | undefined;
  readonly milestones: readonly number[] | undefined;
  readonly warmupEpochs: number | undefined;
  readonly restarts: number | undefined;
  readonly loss: string;
  /** Class weights as they are used; undefined where the losses are as they come. */
  readonly lossSettings: LossSettings | undefined;
  readonly unfreezing: { readonly after: number; readonly lr: number | undefined } | undefined;
  readonly augment: string;
  readonly maskInterpolation: 'nearest' | 'as-image';
  readonly sampler: SamplerName;
  readonly clipNorm: number | undefined;
  readonly clipValue: number | undefined;
  readonly accumulate: number;
  readonly ema: number | undefined;
  readonly keepEvery: number | undefined;
  readonly log: readonly LogName[];
  readonly threshold: number | 'auto';
  readonly seed: number;
  /** SHA-256 over the ids of all parts. */
  readonly fingerprint: string;
  readonly notes: readonly string[];
  /** What a look at some of the pairs found. */
  readonly report: DoctorReport;
  /** Settings that were left open and chosen from the data and the machine. */
  readonly chosen: Chosen;
}

/** The longest side that images are resized to unless a size is given. */
const DEFAULT_SIDE = 256;

const DEFAULT_LR = 1e-3;

const NOTHING_CHOSEN: Chosen = { settings: {}, choices: [] };

/**
 * Opens and splits the data, and settles every setting: as given, else as chosen from the data and the
 * machine, else by default.
 *
 * @param options `choosing`: false where what is left open takes its default: a run that goes on had its choice.
 *   `machine`: what is chosen by; default this one.
 */
export async function planTraining(
  given: TrainOptions,
  { choosing = true, machine }: { readonly choosing?: boolean; readonly machine?: MachineFacts } = {},
): Promise<Plan> {
  const data = await openTrainingData(given);
  const { dataset, parts, fingerprint } = data;
  const report = await examined(data);
  const chosen = choosing ? await choicesFor(parts.train, given, machine) : NOTHING_CHOSEN;
  const options: TrainOptions = { ...given, ...chosen.settings };
  const size = options.size === undefined ? await sizeFrom(parts.train) : squareOf(options.size);
  const { classes } = dataset;
  const binary = classes.length === 2;
  const epochs = positive('epochs', options.epochs ?? 20);
  const notes = [...(dataset.notes ?? []), ...warningsOf(report), ...choiceLines(chosen.choices)];
  if (options.patience !== undefined && !parts.valid) {
    throw new UsageError(
      '--patience needs a validation part to judge by: leave --val above 0, or leave --patience out',
    );
  }
  return {
    parts,
    classes,
    dataOptions: {
      format: dataset.format,
      target: options.target,
      group: options.group,
      resizeMasks: options.resizeMasks,
      maskValues: dataset.maskValues,
    },
    partOptions: {
      ...(options.val !== undefined && { val: await lasting(options.val) }),
      ...(options.test !== undefined && { test: await lasting(options.test) }),
    },
    ...modelSettings(options),
    size,
    normalization: await normalizationFor(options.normalize, parts.train),
    batch: positive('batch', options.batch ?? 8),
    dropLast: options.dropLast ?? false,
    epochs,
    minutes: options.minutes,
    monitor: monitorOf(options, binary),
    patience: options.patience,
    minDelta: options.minDelta ?? 0,
    lr: typeof options.lr === 'number' ? options.lr : DEFAULT_LR,
    findLr: options.lr === 'auto',
    ...optimizerSettings(options),
    ...scheduleSettings(options),
    loss: options.loss ?? (binary ? 'bce+dice' : 'cross-entropy+dice'),
    lossSettings: await lossSettingsFor(options, parts.train),
    unfreezing: unfreezingOf(options),
    augment: options.augment ?? 'light',
    maskInterpolation: options.maskInterpolation ?? 'nearest',
    sampler: options.sampler ?? 'shuffle',
    clipNorm: options.clipNorm,
    clipValue: options.clipValue,
    accumulate: positive('accumulate', options.accumulate ?? 1),
    ema: options.ema,
    keepEvery: options.keepEvery,
    log: options.log ?? [],
    threshold: await thresholdOf(options, binary, parts),
    seed: options.seed ?? 0,
    fingerprint,
    notes,
    report,
    chosen,
  };
}

/** How pixel values are normalised; the data set's own numbers come from the training part alone. */
async function normalizationFor(name: NormalizeName | undefined, train: Dataset): Promise<Normalization> {
  if (name === undefined) return defaultNormalization(train.channels);
  if (name === 'dataset') return datasetNormalization(train);
  return normalizationOf(name === 'min-max' ? 'per-image' : name, train.channels);
}

async function thresholdOf(
  { threshold = 0.5, signal }: TrainOptions,
  binary: boolean,
  { valid }: Parts,
): Promise<number | 'auto'> {
  if (threshold === 0.5) return threshold;
  if (!binary)
    throw new UsageError('--threshold tells two classes apart, and the data has more: leave it out');
  if (threshold !== 'auto') return threshold;
  if (!valid) {
    throw new UsageError(
      '--threshold auto is chosen on the validation part: leave --val above 0, or give a number',
    );
  }
  await checkThresholdCanBeChosen(valid, signal);
  return threshold;
}

/** Scores that only two classes have. */
const BINARY_METRICS: readonly MonitorMetric[] = ['dice', 'iou'];

function monitorOf({ monitor = 'meanIoU' }: TrainSettings, binary: boolean): MonitorMetric {
  if (binary || !BINARY_METRICS.includes(monitor)) return monitor;
  throw new UsageError(
    `--monitor ${monitor} is the foreground's score, for two classes: watch meanDice, meanIoU, pixelAccuracy or loss`,
  );
}

/** A recipe leaves nothing open: what it does not name is to be the model's default. */
async function choicesFor(
  train: Dataset,
  given: TrainOptions,
  machine: MachineFacts | undefined,
): Promise<Chosen> {
  if (given.recipe !== undefined) return NOTHING_CHOSEN;
  return chooseSettings(await dataFacts(train), machine ?? (await factsFor(given)), given);
}

/** The machine as a run with these options sees it. */
export function factsFor({ threads = availableParallelism() }: TrainOptions): Promise<MachineFacts> {
  return machineFacts(threads);
}

async function sizeFrom(dataset: Dataset): Promise<{ height: number; width: number }> {
  const { image } = await dataset.get(0);
  const scale = Math.min(1, DEFAULT_SIDE / Math.max(image.height, image.width));
  const side = (n: number) => Math.max(32, Math.round((n * scale) / 32) * 32);
  return { height: side(image.height), width: side(image.width) };
}

function squareOf(size: number | { readonly height: number; readonly width: number }) {
  const { height, width } = typeof size === 'number' ? { height: size, width: size } : size;
  for (const side of [height, width]) {
    if (!Number.isInteger(side) || side < 16 || side > 4096) {
      throw new UsageError(`size must be whole numbers from 16 to 4096, not ${height}×${width}`);
    }
  }
  return { height, width };
}

function positive(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`${name} must be a whole number from 1, not ${value}`);
  return value;
}
