/**
 * What is known of a model, in one place: help, training, choosing settings, benchmarks and reports read it from
 * here, so that a model is its file, its entry and its test.
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

/** N×C×H×W in, logits of N×K×H×W out. */
export type SegmentationModel = Layer & {
  /** Input sizes are padded to multiples of this and the output cropped back; default 1. */
  readonly divisor?: number;
};

/** Options of a model as config.json holds them. */
export type ModelValues = Readonly<Record<string, number | string | boolean>>;

/** What a model is measured with by `bench`. */
export interface BenchShape {
  readonly batch: number;
  /** Height and width. */
  readonly size: number;
  /** Classes, background included. */
  readonly classes: number;
}

/** What {@link ModelFile.prepare} may use. */
export interface PrepareContext {
  /** Of the images. */
  readonly channels: number;
  readonly size: { readonly height: number; readonly width: number };
  readonly runtime: Runtime;
  /** The bytes of a file. A run that is resumed gives its own copy, whatever the path. */
  read(path: string): Promise<Uint8Array>;
}

/** Of a model that is made from a file. A run folder keeps a copy of the file. */
export interface ModelFile {
  /** The name of the copy in the run folder. */
  readonly name: string;
  /**
   * Reads the file that the options name.
   *
   * @returns the options that config.json keeps, and that `create` takes with the file.
   */
  prepare(
    options: Readonly<Record<string, unknown>>,
    context: PrepareContext,
  ): Promise<{ readonly options: ModelValues; readonly bytes: Uint8Array }>;
  /** Makes the model from these options, `channels` and `classes`, and the file. */
  create(options: Readonly<Record<string, unknown>>, bytes: Uint8Array): SegmentationModel;
}

/** A model as its author describes it; `O` are its options. See {@link defineModel}. */
export interface ModelDefinition<O extends SharedOptions> {
  /** As a sentence names it, after "the": `U-Net on ResNet-18`. */
  readonly title: string;
  /** One line: what it is and where it comes from. */
  readonly description: string;
  /** Its options with ranges, defaults and help. `channels` and `classes` need no mention. */
  readonly options: Settings<Required<Omit<O, keyof SharedOptions>>>;
  /** Makes the model from checked options. A model with `file` has none: its file makes it. */
  create?(options: O): SegmentationModel;
  /** For a model whose encoder can start from published weights, and be frozen. */
  readonly pretrained?: PretrainedEncoder;
  /** For a model that is made from a file. */
  readonly file?: ModelFile;
  /** Output channels for a number of classes; default: one logit for two classes, else one for each. */
  readonly outputChannels?: (classes: number, options: O) => number;
  /** What `train` uses instead of the defaults of `options`. */
  readonly trainDefaults?: Partial<O>;
  /** Values of the option `width` that `train` chooses from by the time there is, the largest first. */
  readonly widths?: readonly number[];
  /** Learning rate of Adam that `train` chooses; default: found by a range test, or by the length of the run. */
  readonly learningRate?: number;
  /** Cost of a training step; default: counted from the model's graph. */
  readonly cost?: StepCost;
  /** Default: batches of 8 images of 224×224, 3 classes. */
  readonly bench?: BenchShape;
  /** Whether `bench` measures it if no model is named. */
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
  readonly trainDefaults: ModelValues;
  readonly bench: BenchShape;
  readonly benched: boolean;
  readonly renamed: Readonly<Record<string, string>>;
  outputChannels(classes: number, options: Readonly<Record<string, unknown>>): number;
  /** Makes the model. Throws a UsageError that begins with `owner` for options that it does not take. */
  create(owner: string, options: Readonly<Record<string, unknown>>, file?: Uint8Array): SegmentationModel;
}

const BENCH: BenchShape = { batch: 8, size: 224, classes: 3 };

/** One logit tells two classes apart. */
export const oneLogitForTwo = (classes: number) => (classes <= 2 ? 1 : classes);

/**
 * Describes a model for the registry:
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
  const { create, outputChannels = oneLogitForTwo, trainDefaults = {}, renamed = {}, ...rest } = definition;
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
    outputChannels: (classes, given) => outputChannels(classes, given as unknown as O),
    create(owner, given, bytes) {
      const { file } = rest;
      if (!file) return create!(checkSettings(owner, table, given) as unknown as O);
      if (bytes) return file.create(given, bytes);
      throw new UsageError(
        `${owner} is made from a file, which train() reads: it cannot be made from options`,
      );
    },
  };
}

/** Whether a value, such as what a module exports, was made by {@link defineModel}. */
export function isModelEntry(value: unknown): value is ModelEntry {
  const entry = value as Partial<ModelEntry> | null | undefined;
  return (
    typeof entry?.create === 'function' && typeof entry.title === 'string' && entry.options !== undefined
  );
}
