/**
 * A registry entry holds everything the program knows about a model. Help, training, the choice of settings,
 * benchmarks and reports read it, so a new model needs only its file, its entry and its test.
 */
import { UsageError } from '../errors/index.js';
import type { Layer } from '../nn/index.js';
import type { Runtime } from '../runtime/index.js';
import type { Setting, Settings } from '../settings/index.js';
import { checkSettings } from '../settings/index.js';
import type { PretrainedEncoder } from './encoder.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';
import type { StepCost } from './training-cost.js';

/** Maps N×C×H×W to logits of N×K×H×W. */
export type SegmentationModel = Layer & {
  /** The model pads its input to a multiple of this and crops its output back; default 1. */
  readonly divisor?: number;
};

/** Options of a model as stored in config.json. */
export type ModelValues = Readonly<Record<string, number | string | boolean>>;

/** The batch with which `bench` measures a model. */
export interface BenchShape {
  readonly batch: number;
  /** Height and width. */
  readonly size: number;
  /** Classes, background included. */
  readonly classes: number;
}

/** The arguments of {@link ModelFile.prepare}. */
export interface PrepareContext {
  /** Channels of the images. */
  readonly channels: number;
  readonly size: { readonly height: number; readonly width: number };
  readonly runtime: Runtime;
  /** Reads a file. A resumed run returns its own copy, whatever the path. */
  read(path: string): Promise<Uint8Array>;
}

/** How to create a model from a file. The run folder keeps a copy of the file. */
export interface ModelFile {
  /** Name of the copy in the run folder. */
  readonly name: string;
  /**
   * Reads the file named in the options.
   *
   * @returns the options to store in config.json, which `create` takes together with the file.
   */
  prepare(
    options: Readonly<Record<string, unknown>>,
    context: PrepareContext,
  ): Promise<{ readonly options: ModelValues; readonly bytes: Uint8Array }>;
  /** Creates the model from the stored options, `channels`, `classes` and the file. */
  create(options: Readonly<Record<string, unknown>>, bytes: Uint8Array): SegmentationModel;
}

/** The definition of a model, from which {@link defineModel} makes a registry entry. `O` is the type of its options. */
export interface ModelDefinition<O extends SharedOptions> {
  /** The name in a sentence, without an article: `U-Net on ResNet-18`. */
  readonly title: string;
  /** One line: the architecture and its source. */
  readonly description: string;
  /** Options with ranges, defaults and help. `channels` and `classes` are added automatically. */
  readonly options: Settings<Required<Omit<O, keyof SharedOptions>>>;
  /** Creates the model from validated options. A definition with `file` has `file.create` instead. */
  create?(options: O): SegmentationModel;
  /** Present if the encoder can start from published weights and be frozen. */
  readonly pretrained?: PretrainedEncoder;
  /** The options of a model of this architecture with such tensors, in their order; undefined if it is another one. */
  readonly optionsFrom?: (
    tensors: readonly { readonly name: string; readonly shape: readonly number[] }[],
  ) => Partial<O> | undefined;
  /** Present if the model is created from a file. */
  readonly file?: ModelFile;
  /** Output channels for a number of classes; default: one for two classes, otherwise one per class. */
  readonly outputChannels?: (classes: number, options: O) => number;
  /** Defaults of `train`, where they differ from those in `options`. */
  readonly trainDefaults?: Partial<O>;
  /** Values of the option `width` among which `train` chooses by the available time, the largest first. */
  readonly widths?: readonly number[];
  /** Adam's learning rate in `train`; default: from a range test, or from the length of the run. */
  readonly learningRate?: number;
  /** Cost of a training step; default: counted from the model's graph. */
  readonly cost?: StepCost;
  /** The batch for benchmarks; default: 8 images of 224×224, 3 classes. */
  readonly bench?: BenchShape;
  /** Whether `bench` includes it when no model is named. */
  readonly benched?: boolean;
  /** Former names of options: createModel and saved runs accept them. */
  readonly renamed?: Readonly<Record<string, keyof O & string>>;
}

/** A model in the registry. */
export interface ModelEntry extends Pick<
  ModelDefinition<SharedOptions>,
  'title' | 'description' | 'pretrained' | 'file' | 'widths' | 'learningRate' | 'cost'
> {
  readonly options: Readonly<Record<string, Setting<unknown>>>;
  readonly optionsFrom:
    | ((
        tensors: readonly { readonly name: string; readonly shape: readonly number[] }[],
      ) => ModelValues | undefined)
    | undefined;
  readonly trainDefaults: ModelValues;
  readonly bench: BenchShape;
  readonly benched: boolean;
  readonly renamed: Readonly<Record<string, string>>;
  outputChannels(classes: number, options: Readonly<Record<string, unknown>>): number;
  /** Creates the model. Throws a UsageError starting with `owner` for invalid options. */
  create(owner: string, options: Readonly<Record<string, unknown>>, file?: Uint8Array): SegmentationModel;
}

const BENCH: BenchShape = { batch: 8, size: 224, classes: 3 };

/** Output channels for a number of classes: a single logit for two classes, otherwise one per class. */
export const oneLogitForTwo = (classes: number) => (classes <= 2 ? 1 : classes);

/**
 * Makes a registry entry from a definition:
 *
 * ```ts
 * export const FPN = defineModel<FpnOptions>({
 *   title: 'FPN',
 *   description: 'a feature pyramid network (Lin et al. 2017)',
 *   options: { pyramidWidth: { kind: whole(8, 1024), default: 128, help: 'channels of the pyramid' } },
 *   create: (options) => new Fpn(options),
 * });
 * ```
 */
export function defineModel<O extends SharedOptions>(definition: ModelDefinition<O>): ModelEntry {
  const {
    create,
    outputChannels = oneLogitForTwo,
    trainDefaults = {},
    renamed = {},
    optionsFrom,
    ...rest
  } = definition;
  const own = Object.entries(definition.options as Record<string, Setting<unknown>>).filter(
    ([option]) => !Object.hasOwn(SHARED_OPTIONS, option),
  );
  const options = Object.fromEntries(own);
  const table = { ...SHARED_OPTIONS, ...options } as unknown as Settings<Record<string, unknown>>;
  return {
    ...rest,
    options,
    trainDefaults: trainDefaults as ModelValues,
    bench: rest.bench ?? BENCH,
    benched: rest.benched ?? false,
    renamed: renamed as Readonly<Record<string, string>>,
    optionsFrom: optionsFrom as ModelEntry['optionsFrom'],
    outputChannels: (classes, given) => outputChannels(classes, given as unknown as O),
    create(owner, given, bytes) {
      const { file } = rest;
      if (!file) return create!(checkSettings(owner, table, given) as unknown as O);
      if (bytes) return file.create(given, bytes);
      throw new UsageError(
        `${owner} is created from a file, which train() reads; it cannot be created from options alone`,
      );
    },
  };
}

/** Whether a value, such as the export of a user's module, was made by {@link defineModel}. */
export function isModelEntry(value: unknown): value is ModelEntry {
  const entry = value as Partial<ModelEntry> | null | undefined;
  return (
    typeof entry?.create === 'function' && typeof entry.title === 'string' && entry.options !== undefined
  );
}
