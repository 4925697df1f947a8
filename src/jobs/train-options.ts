/** The options of `train`: the settings of a run, and what a call adds to them. */
import type { Communicator } from '../distributed/index.js';
import { hasModel, modelEntry } from '../models/index.js';
import type { PixelSize, ValueOf } from '../settings/index.js';
import { checkSettings, choice, flag } from '../settings/index.js';
import type { Callback } from '../training/index.js';
import type { RunSetting } from '../training/run-settings.js';
import { RUN_SETTINGS } from '../training/run-settings.js';
import { RECIPES } from './recipes/registry.js';

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
export interface TrainSettings extends Omit<CheckedSettings, 'size' | 'taps'> {
  /** Pixels that images are resized to: a side, or height and width. */
  readonly size?: number | PixelSize | undefined;
  /** `onnx-unet`: names of the tensors to use, one for each halving of the size, the largest first. */
  readonly taps?: readonly string[] | string | undefined;
}

export interface TrainOptions extends TrainSettings {
  /** The data set: a folder, or a manifest. */
  readonly data: string;
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
  /** Receives messages for the user: choices made, samples left out. */
  readonly onNote?: ((message: string) => void) | undefined;
  /** Once aborted, the current step is finished, the run is saved and ends. */
  readonly signal?: AbortSignal | undefined;
}

const NOT_SETTINGS: ReadonlySet<string> = new Set<
  Exclude<keyof TrainOptions, keyof TrainSettings> | 'onPoint'
>(['data', 'out', 'resume', 'device', 'threads', 'communicator', 'callbacks', 'onNote', 'signal', 'onPoint']);

/** The settings among some options. */
export function settingsOf(options: TrainOptions): Record<string, unknown> {
  return Object.fromEntries(Object.entries(defined(options)).filter(([name]) => !NOT_SETTINGS.has(name)));
}

/**
 * The settings among some options, checked, with defaults filled in.
 *
 * @throws UsageError for an unknown setting or a value that is not accepted.
 */
export function resolveSettings(options: TrainOptions): ResolvedSettings {
  const { model } = options;
  // A model that was registered since the table was made has options of its own.
  const own = model !== undefined && hasModel(model) ? modelEntry(model).options : {};
  const table = { ...own, ...TRAIN_SETTINGS };
  return checkSettings<object>('train', table, settingsOf(options)) as ResolvedSettings;
}

/** Options whose settings are checked, as their kinds read them: a size of 256 becomes 256×256. */
export function checkedOptions(
  options: TrainOptions,
): Omit<TrainOptions, keyof CheckedSettings> & CheckedSettings & Pick<TrainOptions, 'data'> {
  const resolved: Readonly<Record<string, unknown>> = { ...resolveSettings(options) };
  const given = Object.keys(settingsOf(options)).map((name) => [name, resolved[name]]);
  return { ...options, ...(Object.fromEntries(given) as CheckedSettings) } as never;
}

/** The given entries of an object: those that are not undefined. */
export function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
