/** From settings and data to everything that makes a run: the defaults live here. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type {
  Dataset,
  DoctorReport,
  FormatName,
  Normalization,
  OpenOptions,
  Part,
  Parts,
} from '../data/index.js';
import {
  Conformed,
  datasetNormalization,
  defaultNormalization,
  examine,
  FORMAT_NAMES,
  indexMasks,
  normalizationOf,
  openDataset,
  readIdList,
  recogniseFormat,
  splitDataset,
} from '../data/index.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { createModel, modelEntry, ONNX_UNET } from '../models/index.js';
import type { Layer, LossSettings, LossTerm } from '../nn/index.js';
import { classWeightsOf, parseLosses } from '../nn/index.js';
import type { Optimizer, ParameterSlice, Schedule } from '../optim/index.js';
import {
  Adam,
  AdamW,
  constant,
  cosine,
  oneCycle,
  polynomial,
  ReduceOnPlateau,
  RMSprop,
  SGD,
  stepDecay,
} from '../optim/index.js';
import type { Chosen, MachineFacts } from './choose.js';
import { choiceLines, chooseSettings } from './choose.js';
import { dataFacts, machineFacts } from './data-facts.js';
import { MODEL_OPTIONS } from './train-options.js';
import type {
  LogName,
  NormalizeName,
  OptimizerName,
  SamplerName,
  ScheduleName,
  TrainOptions,
  TrainSettings,
} from './train-options.js';
import type { MonitorMetric } from '../training/index.js';

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
  readonly loss: string;
  /** Class weights as they are used; undefined where the losses are as they come. */
  readonly lossSettings: LossSettings | undefined;
  readonly unfreezing: { readonly after: number; readonly lr: number | undefined } | undefined;
  readonly augment: string;
  readonly maskResize: 'nearest' | 'as-image';
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
  const source: OpenOptions = {
    root: given.data,
    format: given.format,
    classes: given.classes,
    target: given.target,
    resizeMasks: given.resizeMasks,
    group: given.group === undefined ? undefined : pattern(given.group),
  };
  const dataset = await openDataset(source);
  const report = await examined(source);
  const seed = given.seed ?? 0;
  const part = (value: number | string | undefined) => partOf(value, dataset, source);
  const parts = splitDataset(dataset, {
    valid: await part(given.val),
    test: await part(given.test),
    seed,
  });
  const chosen = choosing ? await choicesFor(parts.train, given, machine) : NOTHING_CHOSEN;
  const options: TrainOptions = { ...given, ...chosen.settings };
  const size = options.size === undefined ? await sizeFrom(parts.train) : squareOf(options.size);
  const { classes } = dataset;
  const binary = classes.length === 2;
  const epochs = positive('epochs', options.epochs ?? 20);
  const notes = [...(dataset.notes ?? []), ...warningsOf(report), ...choiceLines(chosen.choices)];
  const modelName = options.model ?? 'unet';
  const encoderWeights = weightsWanted(options);
  const encoder = encoderOf(modelName, options);
  if (encoderWeights !== undefined && (encoder || !modelEntry(modelName).pretrained)) {
    throw new UsageError(`${modelName} has no pretrained encoder: leave --encoder-weights out`);
  }
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
    model: { name: modelName, options: encoder ? {} : modelOptions(modelName, options) },
    encoderWeights,
    encoder,
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
    optimizer: options.optimizer ?? 'adam',
    ...optimizerSettings(options),
    schedule: options.schedule ?? 'one-cycle',
    stepEpochs: options.stepEpochs,
    stepFactor: options.stepFactor,
    loss: options.loss ?? (binary ? 'bce+dice' : 'cross-entropy+dice'),
    lossSettings: await lossSettingsFor(options, parts.train),
    unfreezing: unfreezingOf(options, modelName, encoderWeights !== undefined),
    augment: options.augment ?? 'light',
    maskResize: options.maskResize ?? 'nearest',
    sampler: options.sampler ?? 'shuffle',
    clipNorm: options.clipNorm,
    clipValue: options.clipValue,
    accumulate: positive('accumulate', options.accumulate ?? 1),
    ema: options.ema,
    keepEvery: options.keepEvery,
    log: options.log ?? [],
    threshold: thresholdOf(options, binary, parts),
    seed,
    fingerprint: fingerprintOf(parts),
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

/** What the losses are told; class weights come from the masks of the training part where they are to be found. */
async function lossSettingsFor(
  { classWeights, focalGamma }: TrainSettings,
  train: Dataset,
): Promise<LossSettings | undefined> {
  const weights =
    classWeights === 'auto'
      ? classWeightsOf((await indexMasks(train)).totals(), { weighting: 'sqrt' })
      : classWeights === 'none'
        ? undefined
        : classWeights;
  if (weights && weights.length !== train.classes.length) {
    throw new UsageError(
      `--class-weights has ${weights.length} numbers for ${train.classes.length} classes: ${train.classes.join(', ')}`,
    );
  }
  if (!weights && focalGamma === undefined) return undefined;
  return { ...(weights && { classWeights: weights }), ...(focalGamma !== undefined && { focalGamma }) };
}

/** When a frozen encoder begins to learn. Throws where none is frozen. */
function unfreezingOf(settings: TrainSettings, model: string, pretrained: boolean): Plan['unfreezing'] {
  const { unfreezeAfter: after, encoderLr: lr } = settings;
  if (after === undefined) {
    if (lr === undefined) return undefined;
    throw new UsageError(
      '--encoder-lr is for an encoder that is unfrozen in the run: give --unfreeze-after too',
    );
  }
  const entry = model === ONNX_UNET ? undefined : modelEntry(model);
  if (!entry?.pretrained || !(settings.freezeEncoder ?? pretrained)) {
    throw new UsageError(
      `--unfreeze-after needs a frozen encoder, and ${model} has none here: use a model with --encoder-weights`,
    );
  }
  return { after: positive('unfreeze-after', after), lr };
}

function thresholdOf({ threshold = 0.5 }: TrainSettings, binary: boolean, { valid }: Parts): number | 'auto' {
  if (threshold === 0.5) return threshold;
  if (!binary)
    throw new UsageError('--threshold tells two classes apart, and the data has more: leave it out');
  if (threshold === 'auto' && !valid) {
    throw new UsageError(
      '--threshold auto is chosen on the validation part: leave --val above 0, or give a number',
    );
  }
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

/** Which optimizer each of these settings belongs to. */
const OPTIMIZERS_WITH = {
  momentum: ['sgd', 'rmsprop'],
  alpha: ['rmsprop'],
  eps: ['adam', 'adamw', 'rmsprop'],
} as const satisfies Record<string, readonly OptimizerName[]>;

function optimizerSettings(
  settings: TrainSettings,
): Pick<Plan, 'momentum' | 'weightDecay' | 'alpha' | 'eps'> {
  const { optimizer = 'adam', momentum, weightDecay, alpha, eps } = settings;
  for (const [name, takers] of Object.entries(OPTIMIZERS_WITH)) {
    if (settings[name as keyof typeof OPTIMIZERS_WITH] === undefined) continue;
    if ((takers as readonly OptimizerName[]).includes(optimizer)) continue;
    throw new UsageError(
      `--${name} is for --optimizer ${takers.join(' or ')}, not for ${optimizer}: leave it out`,
    );
  }
  return { momentum, weightDecay, alpha, eps };
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

type Options = Record<string, number | string | boolean>;

function modelOptions(name: string, settings: TrainSettings): Options {
  const { options, pretrained } = modelEntry(name);
  const given = MODEL_OPTIONS.flatMap((key) =>
    settings[key] === undefined ? [] : [[key, settings[key]] as const],
  );
  const unknown = given.find(([key]) => !Object.hasOwn(options, key));
  if (unknown) {
    throw new UsageError(
      `${name} has no option "${unknown[0]}"; its options are ${Object.keys(options).join(', ') || 'none'}`,
    );
  }
  // The published U-Net has 64 filters and no batch norm; half of them with it learn faster and as well.
  const unet: Options = name === 'unet' ? { width: 32, batchNorm: true } : {};
  // A frozen encoder without pretrained weights would be noise.
  const encoder: Options = pretrained ? { freezeEncoder: weightsWanted(settings) !== undefined } : {};
  return { ...unet, ...encoder, ...Object.fromEntries(given) };
}

/** The file and taps of an `onnx-unet`; undefined for other models. */
function encoderOf(name: string, settings: TrainSettings): Plan['encoder'] {
  const { encoder, taps = [] } = settings;
  if (name !== ONNX_UNET) {
    if (encoder === undefined && settings.taps === undefined) return undefined;
    throw new UsageError(`--encoder and --taps are for --model ${ONNX_UNET}, not for ${name}`);
  }
  const names = typeof taps === 'string' ? taps.split(',') : taps;
  if (encoder === undefined || names.length === 0) {
    throw new UsageError(
      `--model ${ONNX_UNET} needs --encoder FILE.onnx and --taps NAME,NAME,…: one tensor for each halving of the size`,
    );
  }
  const other = MODEL_OPTIONS.find((key) => settings[key] !== undefined);
  if (other) throw new UsageError(`${ONNX_UNET} has no option "${other}"`);
  return { file: encoder, taps: names };
}

/** The pretrained weights asked for; undefined for none. */
function weightsWanted({ encoderWeights }: TrainSettings): string | undefined {
  return encoderWeights === 'none' ? undefined : encoderWeights;
}

/** The model of a plan, as its registry makes it. Two classes are told apart by one logit. */
export function modelOf(plan: Pick<Plan, 'model' | 'classes'>, channels: number): Layer {
  return createModel(plan.model.name, { ...plan.model.options, channels, classes: plan.classes.length });
}

export function lossOf(plan: Pick<Plan, 'loss'> & Partial<Pick<Plan, 'lossSettings'>>): readonly LossTerm[] {
  return parseLosses(plan.loss, plan.lossSettings);
}

export function optimizerOf(
  plan: Pick<Plan, 'optimizer' | 'lr'> & Partial<Pick<Plan, 'momentum' | 'weightDecay' | 'alpha' | 'eps'>>,
): (parameters: readonly ParameterSlice[]) => Optimizer {
  const { optimizer, lr, momentum, alpha } = plan;
  // An option that is not given keeps the optimizer's own default.
  const shared = {
    lr,
    ...(plan.weightDecay !== undefined && { weightDecay: plan.weightDecay }),
    ...(plan.eps !== undefined && { eps: plan.eps }),
  };
  switch (optimizer) {
    case 'sgd':
      return (parameters) => new SGD(parameters, { ...shared, momentum: momentum ?? 0.9 });
    case 'adam':
      return (parameters) => new Adam(parameters, shared);
    case 'adamw':
      return (parameters) => new AdamW(parameters, shared);
    case 'rmsprop':
      return (parameters) =>
        new RMSprop(parameters, {
          ...shared,
          ...(momentum !== undefined && { momentum }),
          ...(alpha !== undefined && { alpha }),
        });
  }
}

/** @param totalSteps of the whole run. @param epochs of the whole run. */
export function scheduleOf(
  plan: Pick<Plan, 'schedule' | 'stepEpochs' | 'stepFactor'> & Partial<Pick<Plan, 'optimizer' | 'momentum'>>,
  totalSteps: number,
  epochs: number,
): Schedule {
  const { schedule, stepEpochs, stepFactor = 0.1, optimizer, momentum } = plan;
  switch (schedule) {
    case 'one-cycle':
      // A momentum that was asked for stays, and an optimizer without one is not given any.
      return oneCycle({
        totalSteps,
        cycleMomentum: momentum === undefined && optimizer !== 'rmsprop',
      });
    case 'cosine':
      return cosine({ period: totalSteps });
    case 'poly':
      return polynomial({ totalSteps });
    case 'step':
      return stepDecay({ stepSize: stepEpochs ?? Math.max(1, Math.round(epochs / 3)), gamma: stepFactor });
    case 'plateau':
      return new ReduceOnPlateau({ patience: Math.max(2, Math.round(epochs / 10)) });
    case 'constant':
      return constant();
  }
}

/** Pairs that are looked at before a run. */
const EXAMINED_PAIRS = 48;
/** Warnings that are told one by one. */
const WARNINGS_TOLD = 5;

/** The cheap part of `doctor`: throws for what would spoil the run. */
async function examined(source: OpenOptions): Promise<DoctorReport> {
  const report = await examine({ ...source, sample: EXAMINED_PAIRS });
  const error = report.problems.find(({ level }) => level === 'error');
  if (error) throw new PixelwiseError(error.code, `${error.file}: ${error.message} ${error.fix}`);
  return report;
}

/** What a person should know of it. */
function warningsOf({ problems }: DoctorReport): string[] {
  const told = problems.slice(0, WARNINGS_TOLD).map(({ file, message, fix }) => `${file}: ${message} ${fix}`);
  const more = problems.length - told.length;
  return more > 0 ? [...told, `… and ${more} more warnings: see pixelwise doctor.`] : told;
}

/** Files that `--data` takes are data sets; any other file lists ids. */
const DATA_FILE = /\.(csv|jsonl|json)$/i;

/** What a part's option means: a share, another data set read like the training data, a list of ids, or a name. */
async function partOf(
  value: number | string | undefined,
  dataset: Dataset,
  source: OpenOptions,
): Promise<Part | undefined> {
  if (value === undefined || typeof value === 'number') return value;
  const entry = await stat(value).catch(() => undefined);
  if (!entry) return { split: value };
  if (!entry.isDirectory() && !DATA_FILE.test(value)) return { ids: await readIdList(value) };
  const root = resolve(value);
  const format = source.format ?? (await recogniseFormat(root, formatNamed(dataset)));
  const part = await openDataset({
    ...source,
    root,
    format,
    classes: [...dataset.classes],
    maskValues: dataset.maskValues,
    // What the other formats would refuse: they have groups, or targets, of their own.
    ...(source.format === undefined && format !== 'folder' && { group: undefined }),
    ...(source.format === undefined && format !== 'oxford-pets' && { target: undefined }),
  });
  const { channels, maxValue } = dataset;
  const alike = part.channels === channels && part.maxValue === maxValue;
  return { dataset: alike ? part : new Conformed(part, { channels, maxValue }) };
}

function formatNamed({ format }: Dataset): FormatName | undefined {
  return FORMAT_NAMES.find((name) => name === format);
}

/** A part's option as it means the same from any folder: paths that are there become absolute. */
async function lasting(value: number | string | undefined): Promise<number | string | undefined> {
  if (typeof value !== 'string') return value;
  return stat(value).then(
    () => resolve(value),
    () => value,
  );
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

function pattern(source: string): RegExp {
  try {
    return new RegExp(source, 'u');
  } catch (error) {
    throw new UsageError(
      `--group "${source}" is no pattern (${error instanceof Error ? error.message : ''}): write one as '^([^_]+)_'`,
      { cause: error },
    );
  }
}

function fingerprintOf({ train, valid, test }: Parts): string {
  const hash = createHash('sha256');
  for (const [name, part] of Object.entries({ train, valid, test }))
    hash.update(`${name}\n${part?.ids.join('\n') ?? ''}\n`);
  return hash.digest('hex');
}
