/**
 * The settings of a training run, each described once: kind and range, default, help, the commands that take it.
 * The types of `train`, the flags and help of the command line, config files, `config.json` and its check on
 * resume, and the table in docs/options.md derive from this. Adding a setting is one entry here and its use.
 *
 * Options of models, optimizers and schedules come from their registries: a flag such as `--momentum` belongs to
 * every optimizer that declares the option.
 */
import { FORMAT_NAMES } from '../data/format-names.js';
import { PETS_TARGETS } from '../data/formats/pets-targets.js';
import { UsageError } from '../errors/index.js';
import { PAGE_READINGS } from '../images/tiff/structure.js';
import type { ModelOptions } from '../models/registry.js';
import { DEFAULT_MODEL, modelEntry, modelNames, PRETRAINED_MODEL } from '../models/registry.js';
import type { LossSettings } from '../nn/losses/registry.js';
import { LOSS_SETTINGS, LOSSES } from '../nn/losses/registry.js';
import type { NamedOptimizerOptions } from '../optim/registry.js';
import { OPTIMIZERS } from '../optim/registry.js';
import type { NamedScheduleOptions } from '../optim/schedules/registry.js';
import { SCHEDULES } from '../optim/schedules/registry.js';
import type { Kind, Setting, ValueOf } from '../settings/index.js';
import {
  anyOf,
  choice,
  defaultInWords,
  flag,
  flagName,
  fractionOrText,
  namesOrCount,
  pattern,
  pixelSize,
  real,
  text,
  whole,
  wordList,
  wordOr,
  written,
} from '../settings/index.js';
import { METRIC_NAMES } from './callbacks/monitor.js';

/** What a setting may belong to: it applies only to some models, optimizers, schedules or losses. */
export type Choice = 'model' | 'optimizer' | 'schedule' | 'loss';

export interface RunSetting<T> extends Setting<T> {
  /** Heading in the help. */
  readonly section: 'model' | 'data' | 'training' | 'scores';
  /** The commands that take it. */
  readonly commands: readonly (
    'train' | 'lr-find' | 'evaluate' | 'predict' | 'measure' | 'studio' | 'summary' | 'doctor' | 'demo'
  )[];
  /** What it applies to, if not to everything. */
  readonly appliesTo?: { readonly choice: Choice; readonly names: readonly string[] };
  /** `config.json` keeps the value under `training`, and a resumed run must have the same. */
  readonly fixed?: true;
}

const LEARNING = ['train', 'lr-find'] as const;
const BUILDING = [...LEARNING, 'summary'] as const;
const READING = [...LEARNING, 'evaluate', 'doctor'] as const;

const PART = 'a folder, a file that lists ids, or the name of an official part';

const MODEL_SETTINGS = {
  model: {
    kind: text('NAME', 'the name of a model'),
    help: `architecture: ${modelNames().join(', ')}`,
    unset: `${PRETRAINED_MODEL} with pretrained weights, or ${DEFAULT_MODEL} if they cannot be downloaded`,
    section: 'model',
    commands: LEARNING,
  },
  classes: {
    kind: namesOrCount(1, 255),
    help: 'class names in the order of their indices, or the number of classes; name=#rrggbb,… for masks in colour',
    unset: 'detected from the masks',
    section: 'model',
    commands: [...READING, 'summary', 'measure'],
  },
  task: {
    kind: choice(['classes', 'objects']),
    help: 'what to learn: the class of each pixel, or also which object it belongs to',
    unset:
      'objects if the masks tell them apart and no other setting requires classes, else classes; demo: classes',
    section: 'model',
    commands: [...LEARNING, 'demo'],
  },
  download: {
    kind: flag(),
    help: 'download pretrained weights the first time that they are used; --no-download trains without them',
    unset: 'on',
    section: 'model',
    commands: LEARNING,
  },
  encoderWeights: {
    kind: text('FILE|NAME|none', 'a weights file, the name of known weights, or none'),
    help: 'pretrained weights of the encoder',
    unset: "the model's ImageNet weights if available; none with --init",
    section: 'model',
    commands: [...LEARNING, 'studio'],
  },
  init: {
    kind: text('RUN|FILE', 'a run folder, or a .pth, .safetensors or .onnx file'),
    help: 'start from the weights of a run, keeping its model, size, normalisation, classes and split, or from a weights file',
    unset: 'random weights',
    section: 'model',
    commands: [...LEARNING, 'studio'],
  },
} as const satisfies Readonly<Record<string, RunSetting<unknown>>>;

const DATA_SETTINGS = {
  format: {
    kind: choice(FORMAT_NAMES),
    help: 'layout of the data set',
    unset: 'detected from the files',
    section: 'data',
    commands: READING,
  },
  images: {
    kind: text('GLOB', 'a glob over paths below the data folder'),
    help: 'which files are images; needs --masks, and replaces the search by name',
    unset: 'found by their names',
    section: 'data',
    commands: READING,
  },
  masks: {
    kind: text('GLOB', 'a glob over paths below the data folder'),
    help: 'which files are masks; needs --images',
    unset: 'found by their names',
    section: 'data',
    commands: READING,
  },
  multiLabel: {
    kind: flag(),
    help: 'classes may overlap: a pixel can have several, and each class is predicted by itself; for data with a mask file per class, or with shapes from a labelling tool',
    unset: 'off: each pixel has one class',
    section: 'data',
    commands: READING,
  },
  target: {
    kind: choice(PETS_TARGETS),
    help: 'which classes to separate in oxford-pets',
    unset: 'trimap',
    section: 'data',
    commands: READING,
  },
  val: {
    kind: fractionOrText('FRACTION|DIR|SPLIT', PART),
    help: 'validation part, used to choose the best epoch; 0 for none',
    unset: 'the official one, or 0.2',
    section: 'data',
    commands: LEARNING,
  },
  test: {
    kind: fractionOrText('FRACTION|DIR|SPLIT', PART),
    help: 'test part, scored at the end and not used for any choice',
    unset: 'the official one, or none',
    section: 'data',
    commands: LEARNING,
  },
  group: {
    kind: pattern(),
    help: "pattern that finds the group (patient, car) in a sample's name; a group is never split across parts",
    unset: 'no groups',
    section: 'data',
    commands: READING,
  },
  resizeMasks: {
    kind: flag(),
    help: 'resize masks whose size differs from that of their image but whose aspect ratio is the same, by nearest neighbour',
    unset: 'on, unless --strict',
    section: 'data',
    commands: READING,
  },
  strict: {
    kind: flag(),
    help: 'refuse masks that need repair: masks with soft edges or lossy compression, or with a size other than that of their image',
    unset: 'masks are repaired, with a note',
    section: 'data',
    commands: READING,
  },
  pages: {
    kind: choice(PAGE_READINGS),
    help: 'how to read TIFFs with several pages: each page as an image, the pages as channels of one image, or the first page only',
    unset: 'from the metadata of ImageJ or OME, else from the masks',
    section: 'data',
    commands: READING,
  },
  maskInterpolation: {
    kind: choice(['nearest', 'as-image']),
    help: 'how masks are resized for training: nearest neighbour, or interpolated like the image, as some published code does',
    default: 'nearest',
    section: 'data',
    commands: LEARNING,
    fixed: true,
  },
  size: {
    kind: pixelSize(16, 4096),
    help: 'height and width to which images are resized',
    unset: 'chosen from the data; 256 for summary',
    section: 'data',
    commands: [...BUILDING, 'doctor'],
  },
  patch: {
    kind: wordOr(['auto', 'none'], pixelSize(32, 4096)),
    help: 'train on patches of this height and width at source scale, and predict in tiles of the same scale; auto chooses their size, none trains on whole images',
    unset: 'chosen from the data; none if --size is given',
    section: 'data',
    commands: LEARNING,
  },
  normalize: {
    kind: choice(['imagenet', 'min-max', 'dataset', 'percentiles', 'none']),
    help: 'normalisation of pixel values: mean and standard deviation of ImageNet; minimum and maximum of each image; mean and standard deviation of the training part; percentiles of the training part, then as imagenet or none; or none, which only scales stored values to 0…1',
    unset: 'chosen from the values; imagenet for most images of 8 bits, percentiles for others',
    section: 'data',
    commands: LEARNING,
  },
  augment: {
    kind: text('LIST|none', 'names separated by commas, or none'),
    help: 'random augmentation of image and mask together',
    default: 'light',
    unset: 'chosen from the data',
    section: 'data',
    commands: [...LEARNING, 'doctor'],
    fixed: true,
  },
  sampler: {
    kind: choice(['shuffle', 'weighted']),
    help: 'whether an epoch visits every image once, or draws the same number of images with probabilities that grow with their foreground area',
    default: 'shuffle',
    section: 'data',
    commands: LEARNING,
    fixed: true,
  },
  seed: {
    kind: whole(0, Number.MAX_SAFE_INTEGER),
    help: 'seed of all randomness; the same seed gives the same run',
    default: 0,
    section: 'data',
    commands: [...LEARNING, 'demo', 'doctor'],
    fixed: true,
  },
} as const satisfies Readonly<Record<string, RunSetting<unknown>>>;

/** What a setting of losses applies to. */
const ofLosses = (setting: keyof LossSettings): NonNullable<RunSetting<unknown>['appliesTo']> => ({
  choice: 'loss',
  names: Object.keys(LOSSES).filter((name) => LOSSES[name]!.takes?.includes(setting)),
});

const TRAINING_SETTINGS = {
  batch: {
    kind: whole(1, 4096),
    help: 'images per step',
    default: 8,
    unset: '4 to 16, chosen from the data and the available memory',
    section: 'training',
    commands: LEARNING,
    fixed: true,
  },
  dropLast: {
    kind: flag(),
    help: 'drop the last batch of an epoch if it is short',
    default: false,
    section: 'training',
    commands: LEARNING,
    fixed: true,
  },
  epochs: {
    kind: whole(1, 1_000_000),
    help: 'passes over the training images',
    default: 20,
    unset: 'as many as fit into --minutes',
    section: 'training',
    commands: LEARNING,
  },
  minutes: {
    kind: real({ above: 0, max: 100_000 }),
    help: 'training time, converted to a number of steps after a short warm-up',
    unset: '15, if no epochs are given',
    section: 'training',
    commands: LEARNING,
  },
  monitor: {
    kind: wordOr(
      METRIC_NAMES,
      written('metric:NAME', 'metric:NAME of a score of your own', /^metric:.+$/) as Kind<`metric:${string}`>,
    ),
    help: 'validation score that decides the best epoch and early stopping; dice and iou are for two classes; distances between outlines are in pixels; for a metric of your own, higher is better',
    default: 'meanIoU',
    section: 'training',
    commands: LEARNING,
    fixed: true,
  },
  patience: {
    kind: whole(1, 1_000_000),
    help: 'epochs without improvement after which training stops',
    unset: 'no early stopping',
    section: 'training',
    commands: LEARNING,
    fixed: true,
  },
  minDelta: {
    kind: real({ min: 0, max: 1000 }),
    help: 'smallest change of the monitored score that counts as an improvement',
    default: 0,
    section: 'training',
    commands: LEARNING,
    fixed: true,
  },
  lr: {
    kind: wordOr(['auto'], real({ above: 0, max: 100 })),
    help: 'learning rate, or its peak if a schedule changes it; auto runs a range test first',
    unset: 'auto; 0.005 with a frozen encoder, 0.003 or 0.001 in runs too short for a range test',
    section: 'training',
    commands: LEARNING,
  },
  optimizer: {
    kind: choice(Object.keys(OPTIMIZERS) as (keyof typeof OPTIMIZERS)[]),
    help: 'optimizer that updates the weights',
    default: 'adam',
    section: 'training',
    commands: LEARNING,
    fixed: true,
  },
  schedule: {
    kind: choice(Object.keys(SCHEDULES) as (keyof typeof SCHEDULES)[]),
    help: 'learning-rate schedule',
    default: 'one-cycle',
    section: 'training',
    commands: LEARNING,
    fixed: true,
  },
  loss: {
    kind: written(
      'NAME[:WEIGHT][+NAME…]',
      'a loss or a weighted sum of losses, such as dice:0.3+bce:0.7',
      /^[a-z][a-z0-9-]*(:\d*\.?\d+)?(\+[a-z][a-z0-9-]*(:\d*\.?\d+)?)*$/,
    ),
    help: 'loss to minimise',
    unset: 'bce+dice for two classes, cross-entropy+dice for more',
    section: 'training',
    commands: LEARNING,
    fixed: true,
  },
  classWeights: {
    kind: wordOr(['auto', 'none'], LOSS_SETTINGS.classWeights.kind),
    help: `${LOSS_SETTINGS.classWeights.help}; auto: 1 ÷ √(share of the pixels)`,
    unset: 'none',
    section: 'training',
    commands: LEARNING,
    appliesTo: ofLosses('classWeights'),
  },
  focalGamma: {
    kind: LOSS_SETTINGS.focalGamma.kind,
    help: LOSS_SETTINGS.focalGamma.help,
    unset: defaultInWords(LOSS_SETTINGS.focalGamma)!,
    section: 'training',
    commands: LEARNING,
    appliesTo: ofLosses('focalGamma'),
  },
  labelSmoothing: {
    kind: LOSS_SETTINGS.labelSmoothing.kind,
    help: LOSS_SETTINGS.labelSmoothing.help,
    unset: defaultInWords(LOSS_SETTINGS.labelSmoothing)!,
    section: 'training',
    commands: LEARNING,
    appliesTo: ofLosses('labelSmoothing'),
  },
  lovaszStride: {
    kind: LOSS_SETTINGS.lovaszStride.kind,
    help: LOSS_SETTINGS.lovaszStride.help,
    unset: defaultInWords(LOSS_SETTINGS.lovaszStride)!,
    section: 'training',
    commands: LEARNING,
    appliesTo: ofLosses('lovaszStride'),
  },
  unfreezeAfter: {
    kind: whole(1, 1_000_000),
    help: 'epochs after which a frozen encoder is trained too',
    unset: 'never',
    section: 'training',
    commands: LEARNING,
  },
  encoderLr: {
    kind: real({ above: 0, max: 100 }),
    help: 'learning rate of the encoder after --unfreeze-after',
    unset: 'a tenth of --lr',
    section: 'training',
    commands: LEARNING,
  },
  keepFeatures: {
    kind: wordOr(['auto', 'off'], whole(1, 1_000_000)),
    help: 'with a frozen encoder: keep its features of each image in memory for this number of epochs, in which the image is not augmented anew and steps cost the decoder alone',
    default: 'off',
    section: 'training',
    commands: ['train'],
  },
  featureMemory: {
    kind: real({ above: 0, max: 100_000 }),
    help: 'most memory that kept features take, in GiB',
    unset: 'a quarter of the free memory, at most 4',
    section: 'training',
    commands: ['train'],
  },
  clipNorm: {
    kind: real({ above: 0, max: 1e6 }),
    help: 'clip the norm of all gradients together to this value',
    unset: 'no clipping',
    section: 'training',
    commands: LEARNING,
    fixed: true,
  },
  clipValue: {
    kind: real({ above: 0, max: 1e6 }),
    help: 'clip each element of the gradients to this absolute value',
    unset: 'no clipping',
    section: 'training',
    commands: LEARNING,
    fixed: true,
  },
  accumulate: {
    kind: whole(1, 4096),
    help: 'batches whose gradients are accumulated into one step',
    default: 1,
    section: 'training',
    commands: LEARNING,
    fixed: true,
  },
  scaleLr: {
    kind: choice(['linear', 'sqrt', 'none']),
    help: 'under mpirun: how the learning rate grows with the number of ranks',
    default: 'none',
    unset: 'none',
    section: 'training',
    commands: LEARNING,
  },
  allReduce: {
    kind: choice(['float32', 'float16']),
    help: 'under mpirun: number format in which ranks exchange gradients',
    default: 'float32',
    section: 'training',
    commands: LEARNING,
  },
  recompute: {
    kind: choice(['none', 'passes', 'convolutions']),
    help: 'values that the backward pass recomputes instead of storing: less memory, more time',
    default: 'none',
    section: 'training',
    commands: LEARNING,
  },
  ema: {
    kind: real({ min: 0, below: 1 }),
    help: 'decay of an exponential moving average of the weights; the average is scored, saved and exported',
    unset: 'no average',
    section: 'training',
    commands: LEARNING,
    fixed: true,
  },
  keepEvery: {
    kind: whole(1, 1_000_000),
    help: 'also keep the checkpoint of every N-th epoch',
    unset: 'only the best and the last are kept',
    section: 'training',
    commands: LEARNING,
  },
  log: {
    kind: wordList(['jsonl', 'csv', 'tensorboard', 'mlflow']),
    help: 'logs besides metrics.jsonl, which is always written: metrics.csv, event files for TensorBoard, or the MLflow server at MLFLOW_TRACKING_URI',
    default: [],
    unset: 'metrics.jsonl alone',
    section: 'training',
    commands: LEARNING,
  },
  pictures: {
    kind: flag(),
    help: 'draw samples, the best and worst predictions and a film of training; --no-pictures omits them',
    default: true,
    unset: 'on',
    section: 'training',
    commands: LEARNING,
  },
  threshold: {
    kind: wordOr(['auto'], real({ above: 0, below: 1 })),
    help: 'with two classes: pixels with at least this probability are foreground; auto chooses it on the validation part',
    default: 0.5,
    unset: "the model's own; 0.5 for train",
    section: 'scores',
    commands: ['train', 'lr-find', 'evaluate', 'predict', 'measure'],
  },
} as const satisfies Readonly<Record<string, RunSetting<unknown>>>;

/** Settings that the registry of a choice declares: one for each option of any of its entries. */
type FromRegistry<O, Commands extends readonly string[]> = {
  readonly [K in keyof O]-?: RunSetting<Exclude<O[K], undefined>> & { readonly commands: Commands };
};

interface RegistryEntry {
  readonly settings: Readonly<Record<string, Setting<unknown>>>;
  /** Defaults in training, where they differ. */
  readonly trainDefaults?: Readonly<Record<string, unknown>>;
}

/** One setting for each option of any entry; it accepts what any of the entries that declare the option accepts. */
function fromRegistry<O, const Commands extends RunSetting<unknown>['commands']>(
  of: Choice,
  entries: Readonly<Record<string, RegistryEntry>>,
  rows: Pick<RunSetting<unknown>, 'section' | 'fixed'> & { readonly commands: Commands },
): FromRegistry<O, Commands> {
  const declared = new Map<
    string,
    { name: string; setting: Setting<unknown>; shown: string | undefined }[]
  >();
  for (const [name, { settings, trainDefaults = {} }] of Object.entries(entries)) {
    for (const [option, setting] of Object.entries(settings)) {
      if (option === 'lr') continue;
      const shown = defaultInWords({ ...setting, default: trainDefaults[option] ?? setting.default });
      declared.set(option, [...(declared.get(option) ?? []), { name, setting, shown }]);
    }
  }
  const table = [...declared].map(([option, by]): [string, RunSetting<unknown>] => {
    const defaults = [...new Set(by.map(({ shown }) => shown))];
    const each = defaults.map((shown) => {
      const names = by.filter((entry) => entry.shown === shown).map(({ name }) => name);
      return `${shown ?? 'required'} for ${names.join(', ')}`;
    });
    return [
      option,
      {
        ...rows,
        kind: anyOf(by.map(({ setting }) => setting.kind)),
        help: by[0]!.setting.help,
        unset: defaults.length === 1 ? (defaults[0] ?? 'required') : each.join('; '),
        appliesTo: { choice: of, names: by.map(({ name }) => name) },
      },
    ];
  });
  return Object.fromEntries(table) as unknown as FromRegistry<O, Commands>;
}

const MODEL_ENTRIES = Object.fromEntries(
  modelNames().map((name) => [name, { settings: modelEntry(name).options }]),
);

/** Says where `train` uses another value than the model's default. */
function withTrainDefaults<T extends Readonly<Record<string, RunSetting<unknown>>>>(table: T): T {
  const rows = Object.entries(table).map(([option, row]) => {
    const names = modelNames().filter((name) => option in modelEntry(name).trainDefaults);
    const unset = `${row.unset}; train chooses it for ${names.join(', ')}`;
    return [option, names.length === 0 ? row : { ...row, unset }];
  });
  return Object.fromEntries(rows) as T;
}

const OF_MODELS = withTrainDefaults(
  fromRegistry<ModelOptions, typeof BUILDING>('model', MODEL_ENTRIES, {
    section: 'model',
    commands: BUILDING,
  }),
);

/** All settings of a run. */
export const RUN_SETTINGS = {
  ...MODEL_SETTINGS,
  ...OF_MODELS,
  freezeEncoder: { ...OF_MODELS.freezeEncoder, unset: 'on with pretrained weights' },
  ...DATA_SETTINGS,
  ...TRAINING_SETTINGS,
  ...fromRegistry<NamedOptimizerOptions, typeof LEARNING>(
    'optimizer',
    Object.fromEntries(
      Object.entries(OPTIMIZERS).map(([name, { definition }]) => [name, definition]),
    ) as never,
    { section: 'training', commands: LEARNING, fixed: true },
  ),
  ...fromRegistry<NamedScheduleOptions, typeof LEARNING>('schedule', SCHEDULES as never, {
    section: 'training',
    commands: LEARNING,
    fixed: true,
  }),
};

type RunSettingsTable = typeof RUN_SETTINGS;
export type RunSettingName = keyof RunSettingsTable;

/** The values of a run's settings. docs/options.md explains them. */
export type RunSettings = { readonly [K in RunSettingName]?: ValueOf<RunSettingsTable[K]> | undefined };

/** The table's rows by name, without their types. */
export const RUN_SETTING_ROWS: readonly (readonly [RunSettingName, RunSetting<unknown>])[] = Object.entries(
  RUN_SETTINGS,
) as unknown as readonly (readonly [RunSettingName, RunSetting<unknown>])[];

interface Applying {
  readonly model: ModelOptions;
  readonly optimizer: NamedOptimizerOptions;
  readonly schedule: NamedScheduleOptions;
  readonly loss: LossSettings;
}

/** Names of the settings that apply only to some models, optimizers, schedules or losses. */
export function settingsApplyingTo<C extends Choice>(of: C): readonly (keyof Applying[C])[] {
  const rows = RUN_SETTING_ROWS.filter(([, { appliesTo }]) => appliesTo?.choice === of);
  return rows.map(([name]) => name as keyof Applying[C]);
}

/** Of some settings those that one model, optimizer or schedule uses, where they are given. */
export function settingsFor(of: Choice, name: string, settings: object): Record<string, unknown> {
  const values = settings as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    RUN_SETTING_ROWS.filter(
      ([key, { appliesTo }]) =>
        appliesTo?.choice === of && appliesTo.names.includes(name) && values[key] !== undefined,
    ).map(([key]) => [key, values[key]]),
  );
}

/**
 * Refuses settings that the chosen optimizer or schedule does not use.
 *
 * @throws UsageError naming the setting and what it is for.
 */
export function checkApplies(of: Choice, name: string, settings: object): void {
  const values = settings as Readonly<Record<string, unknown>>;
  for (const [key, { appliesTo }] of RUN_SETTING_ROWS) {
    if (values[key] === undefined || appliesTo?.choice !== of || appliesTo.names.includes(name)) continue;
    throw new UsageError(
      `--${flagName(key)} is for --${of} ${appliesTo.names.join(' or ')}, not for ${name}: leave it out`,
    );
  }
}
