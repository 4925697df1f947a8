/** The options of `train`: the settings of a run, and what a call adds to them. */
import type { Communicator } from '../distributed/index.js';
import type { DownloadProgress } from '../files/index.js';
import { hasModel, modelEntry } from '../models/index.js';
import type { PixelSize, ValueOf } from '../settings/index.js';
import { checkSettings, choice, flag } from '../settings/index.js';
import type { SampleSource, Transform } from '../data/index.js';
import type { Layer, Loss } from '../nn/index.js';
import type { BatchMetric, Callback } from '../training/index.js';
import type { RunSetting } from '../training/run-settings.js';
import { RUN_SETTINGS } from '../training/run-settings.js';
import { RECIPES } from './recipes/registry.js';
import type { OptimizerFactory, RunObjects, ScheduleFactory } from './run-objects.js';

/** The settings of `train`: those of a run, and of recipes, which are settings by one name. */
export const TRAIN_SETTINGS = {
  recipe: {
    kind: choice(RECIPES.map(({ name }) => name)),
    help: 'settings of a published work; other flags override them',
    unset: 'none',
    section: 'model',
    commands: ['train', 'lr-find'],
  },
  asPublished: {
    kind: flag(),
    help: 'follow the published code of the recipe even where it is defective',
    unset: 'off',
    section: 'model',
    commands: ['train', 'lr-find'],
  },
  ...RUN_SETTINGS,
} as const satisfies Readonly<Record<string, RunSetting<unknown>>>;

type Table = typeof TRAIN_SETTINGS;

/** Settings after their kinds have read them. */
export type CheckedSettings = { readonly [K in keyof Table]?: ValueOf<Table[K]> | undefined };

/** Settings with defaults filled in. */
export type ResolvedSettings = {
  readonly [K in keyof Table]: Table[K] extends { readonly default: unknown }
    ? ValueOf<Table[K]>
    : ValueOf<Table[K]> | undefined;
};

/**
 * The settings of a run, which `config.json` keeps. Their names are those of the command line; docs/options.md
 * lists them with ranges and defaults.
 */
export interface TrainSettings extends Omit<CheckedSettings, 'size' | 'patch' | 'taps'> {
  /** Pixels that images are resized to: a side, or height and width. */
  readonly size?: number | PixelSize | undefined;
  /** Pixels of the patches to train on, at source scale: a side, or height and width. */
  readonly patch?: number | PixelSize | 'auto' | 'none' | undefined;
  /** `onnx-unet`: names of the tensors to use, one for each halving of the size, the largest first. */
  readonly taps?: readonly string[] | string | undefined;
}

/** What a call of `train` says besides the settings. */
interface CallOptions {
  /** The run folder; default `runs/<model>-<n>`. */
  readonly out?: string | undefined;
  /** Continues the run in `out`. */
  readonly resume?: boolean | undefined;
  readonly device?: 'cpu' | 'cuda' | 'webgpu' | 'coreml' | 'dml' | undefined;
  readonly threads?: number | undefined;
  /**
   * The ranks that train this model together, all of which call this with the same options; `batch` is then the
   * number of images of each rank. Only rank 0 writes the run, and only its result is complete.
   */
  readonly communicator?: Communicator | undefined;
  /** Called after the built-in ones. */
  readonly callbacks?: readonly Callback[] | undefined;
  /**
   * Scores of your own, by name: computed for every batch of both parts, averaged over the images of an epoch,
   * and written to metrics.jsonl and the report.
   */
  readonly metrics?: Readonly<Record<string, BatchMetric>> | undefined;
  /** Receives messages for the user: choices made, samples left out. */
  readonly onNote?: ((message: string) => void) | undefined;
  /** Called while pretrained weights are downloaded, which happens the first time that they are used. */
  readonly onDownload?: ((file: string, progress: DownloadProgress) => void) | undefined;
  /** Once aborted, the current step is finished, the run is saved and ends. */
  readonly signal?: AbortSignal | undefined;
}

/** Settings that may be objects instead of names. */
type OrObject = 'model' | 'loss' | 'optimizer' | 'schedule' | 'augment';

/**
 * Options of `train`. What the command line gives by name may be an object here. `config.json` keeps the name of
 * its class or function, and a resumed run must be given the same objects.
 */
export interface TrainOptions extends CallOptions, Omit<TrainSettings, OrObject> {
  /**
   * The data set: a folder or file, or an object with a length and `get(i)`, which gives image and mask.
   */
  readonly data: string | SampleSource;
  /** A name, or a module from images (N×C×H×W) to logits (N×K×H×W), where K is 1 or 2 for two classes. */
  readonly model?: TrainSettings['model'] | Layer;
  /** `NAME[:WEIGHT][+NAME…]`, or a function of logits and target. */
  readonly loss?: TrainSettings['loss'] | Loss;
  /** A name, or a function that makes an optimizer with its own options: `(p) => new SGD(p, { lr: 0.1 })`. */
  readonly optimizer?: TrainSettings['optimizer'] | OptimizerFactory;
  /** A name, or a function of the run's length. */
  readonly schedule?: TrainSettings['schedule'] | ScheduleFactory;
  /** A list of names, or functions of image and mask, applied in order. */
  readonly augment?: TrainSettings['augment'] | readonly Transform[];
}

/** Options in which every part has a name, and the objects are apart. */
export interface NamedTrainOptions extends CallOptions, TrainSettings {
  readonly data: string;
  readonly objects?: RunObjects | undefined;
}

const NOT_SETTINGS: ReadonlySet<string> = new Set<
  Exclude<keyof NamedTrainOptions, keyof TrainSettings> | 'onPoint'
>([
  'data',
  'objects',
  'out',
  'resume',
  'device',
  'threads',
  'communicator',
  'callbacks',
  'metrics',
  'onNote',
  'onDownload',
  'signal',
  'onPoint',
]);

/** The settings among some options. */
export function settingsOf(options: NamedTrainOptions): Record<string, unknown> {
  return Object.fromEntries(Object.entries(defined(options)).filter(([name]) => !NOT_SETTINGS.has(name)));
}

/**
 * The settings among some options, checked, with defaults filled in.
 *
 * @throws UsageError for an unknown setting or a value that is not accepted.
 */
export function resolveSettings(options: NamedTrainOptions): ResolvedSettings {
  const { model } = options;
  // A model that was registered since the table was made has options of its own.
  const own = model !== undefined && hasModel(model) ? modelEntry(model).options : {};
  const table = { ...own, ...TRAIN_SETTINGS };
  return checkSettings<object>('train', table, settingsOf(options)) as ResolvedSettings;
}

/** Options whose settings are checked, as their kinds read them: a size of 256 becomes 256×256. */
export function checkedOptions(
  options: NamedTrainOptions,
): Omit<NamedTrainOptions, keyof CheckedSettings> & CheckedSettings & Pick<NamedTrainOptions, 'data'> {
  const resolved: Readonly<Record<string, unknown>> = { ...resolveSettings(options) };
  const given = Object.keys(settingsOf(options)).map((name) => [name, resolved[name]]);
  return { ...options, ...(Object.fromEntries(given) as CheckedSettings) } as never;
}

/** The given entries of an object: those that are not undefined. */
export function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
