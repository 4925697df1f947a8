/** What can be said about a training run. Everything has a default; every default can be named. */
import type { Communicator } from '../distributed/index.js';
import type { FormatName, PetsTarget } from '../data/index.js';
import type { Recompute } from '../graph/index.js';
import type { Callback, MonitorMetric } from '../training/index.js';

/** How the learning rate follows the number of ranks. */
export type ScaleLr = 'linear' | 'sqrt' | 'none';
export type OptimizerName = 'sgd' | 'adam' | 'adamw' | 'rmsprop';
export type NormalizeName = 'imagenet' | 'min-max' | 'dataset' | 'none';
export type LogName = 'csv' | 'tensorboard';
export type SamplerName = 'shuffle' | 'weighted';
export type ScheduleName = 'one-cycle' | 'step' | 'multi-step' | 'cosine' | 'poly' | 'plateau' | 'constant';

/** Settings that go to the model as they are; its entry in the registry says which it takes. */
export const MODEL_OPTIONS = [
  'width',
  'depth',
  'dropout',
  'dropoutAt',
  'batchNorm',
  'upsampling',
  'stages',
  'head',
  'freezeEncoder',
  'encoderBn',
] as const satisfies readonly (keyof TrainSettings)[];

/** The options that make a run, and that `config.json` keeps. The names are those of the command line. */
export interface TrainSettings {
  /** A published work whose settings hold where nothing else is said. */
  readonly recipe?: string | undefined;
  /** Follows the recipe's published code in its defects, too. */
  readonly asPublished?: boolean | undefined;
  /** A name of the registry; default chosen: `unet`, or `mobilenet-unet` where its weights help. */
  readonly model?: string | undefined;
  /** Names, or how many; found in the masks where not given. */
  readonly classes?: readonly string[] | number | undefined;
  /** First width of the model. */
  readonly width?: number | undefined;
  /** Sizes on the model's way down. */
  readonly depth?: number | undefined;
  readonly dropout?: number | undefined;
  readonly dropoutAt?: 'bottom' | 'every' | undefined;
  readonly batchNorm?: boolean | undefined;
  readonly upsampling?: 'transposed' | 'bilinear' | undefined;
  readonly stages?: number | undefined;
  readonly head?: 'norm-relu' | 'linear' | undefined;
  /** Pretrained weights: a file, a name (`imagenet`), or `none` (default). */
  readonly encoderWeights?: string | undefined;
  /** Default: with pretrained weights. */
  readonly freezeEncoder?: boolean | undefined;
  /** Batch norms of a frozen encoder: `frozen` (default), or in `training` mode. */
  readonly encoderBn?: 'frozen' | 'training' | undefined;
  /** `onnx-unet`: the ONNX file whose tensors serve as encoder. */
  readonly encoder?: string | undefined;
  /** `onnx-unet`: names of those tensors, one for each halving of the size, the largest first. */
  readonly taps?: readonly string[] | string | undefined;
  /** A run to start from: its best weights. */
  readonly init?: string | undefined;
  readonly format?: FormatName | undefined;
  readonly target?: PetsTarget | undefined;
  /** Part held out to choose on: a share of the samples (default 0.2), a folder, or the name of a split; 0 for none. */
  readonly val?: number | string | undefined;
  /** Part that nothing is chosen on, scored at the end. */
  readonly test?: number | string | undefined;
  /** A pattern: samples whose ids give the same first capture never straddle parts. */
  readonly group?: string | undefined;
  /** Resize masks that have the shape but not the size of their image. */
  readonly resizeMasks?: boolean | undefined;
  /** Pixels that images are resized to: a side, or height and width. */
  readonly size?: number | { readonly height: number; readonly width: number } | undefined;
  /** How masks come to the size of training: `nearest` (default), or blended `as-image` as some published code has it. */
  readonly maskInterpolation?: 'nearest' | 'as-image' | undefined;
  /** What is taken from pixel values; default ImageNet's mean and deviation for 1 or 3 channels, else nothing. */
  readonly normalize?: NormalizeName | undefined;
  readonly augment?: string | undefined;
  /** Which samples an epoch visits: each once (`shuffle`, default), or as many drawn by their foreground's area. */
  readonly sampler?: SamplerName | undefined;
  readonly seed?: number | undefined;
  readonly batch?: number | undefined;
  readonly dropLast?: boolean | undefined;
  readonly epochs?: number | undefined;
  /** Time for the whole run, turned into a number of steps after a few that are timed. */
  readonly minutes?: number | undefined;
  /** The score of the validation part that the best epoch and `patience` go by; default `meanIoU`. */
  readonly monitor?: MonitorMetric | undefined;
  /** Epochs without improvement after which the run ends. */
  readonly patience?: number | undefined;
  /** Least change of the monitored score that counts as one, for `patience`; default 0. */
  readonly minDelta?: number | undefined;
  /** Greatest learning rate; `auto` for the suggestion of a range test that runs first. */
  readonly lr?: number | 'auto' | undefined;
  readonly optimizer?: OptimizerName | undefined;
  /** Of sgd (default 0.9) and rmsprop (default 0). Given, it stays: one-cycle then moves the learning rate alone. */
  readonly momentum?: number | undefined;
  /** Default 0; of adamw 0.01. */
  readonly weightDecay?: number | undefined;
  /** Of rmsprop: decay of the mean of squares; default 0.99. */
  readonly alpha?: number | undefined;
  /** Of adam, adamw and rmsprop: added to the root; default 1e-8. */
  readonly eps?: number | undefined;
  readonly schedule?: ScheduleName | undefined;
  /** Epochs between two steps of the `step` schedule; default a third of all. */
  readonly stepEpochs?: number | undefined;
  /** What the `step` and `multi-step` schedules multiply the learning rate by; default 0.1. */
  readonly stepFactor?: number | undefined;
  /** Of the `multi-step` schedule, which needs them: the epochs after which the rate falls, ascending. */
  readonly milestones?: readonly number[] | undefined;
  /** Of the `cosine` schedule: epochs in which the rate first rises, from a third; default 0. */
  readonly warmupEpochs?: number | undefined;
  /** Of the `cosine` schedule: times that it starts again at the full rate, evenly spread; default 0. */
  readonly restarts?: number | undefined;
  /** `NAME[:WEIGHT][+NAME…]` */
  readonly loss?: string | undefined;
  /** How much a pixel of each class counts in the loss: `auto` by 1 ÷ √share of the training pixels; default 1 each. */
  readonly classWeights?: 'auto' | 'none' | readonly number[] | undefined;
  /** γ of the focal loss; default 2. */
  readonly focalGamma?: number | undefined;
  /** Epochs after which a frozen encoder learns too. */
  readonly unfreezeAfter?: number | undefined;
  /** Learning rate of the encoder once it learns; default a tenth of `lr`. */
  readonly encoderLr?: number | undefined;
  /** Greatest norm of all gradients together. */
  readonly clipNorm?: number | undefined;
  /** Greatest magnitude of any gradient. */
  readonly clipValue?: number | undefined;
  /** Batches whose gradients make one step; default 1. See `FitOptions.accumulate` for where it equals a large batch. */
  readonly accumulate?: number | undefined;
  /** Several ranks: how the learning rate grows with their number; default none. */
  readonly scaleLr?: ScaleLr | undefined;
  /** Several ranks: the precision in which gradients go between them; default float32. */
  readonly allReduce?: 'float32' | 'float16' | undefined;
  /**
   * What the backward pass makes again instead of keeping it: `passes` (norms, activations, joins) or
   * `convolutions` too. Less memory, more time, the same bits. Default none.
   */
  readonly recompute?: Recompute | undefined;
  /** Averages weights over steps, keeping this share each step; the average is what is scored, saved and exported. */
  readonly ema?: number | undefined;
  /** Keeps every n-th epoch's checkpoint, beside the best and the last. */
  readonly keepEvery?: number | undefined;
  /** Logs beside metrics.jsonl: `csv` writes metrics.csv, `tensorboard` the folder tensorboard. */
  readonly log?: readonly LogName[] | undefined;
  /** Two classes: from which probability on a pixel is foreground; `auto` for the best on the validation part. Default 0.5. */
  readonly threshold?: number | 'auto' | undefined;
  /** Whether the run draws pictures (`samples/`, `film.webp`) and its `report.html` as it goes. Default true. */
  readonly pictures?: boolean | undefined;
}

export interface TrainOptions extends TrainSettings {
  /** The data set: a folder, or a manifest. */
  readonly data: string;
  /** The run folder; default `runs/<model>-<n>`. */
  readonly out?: string | undefined;
  /** Goes on where the run in `out` was left. */
  readonly resume?: boolean | undefined;
  readonly device?: 'cpu' | 'cuda' | 'webgpu' | 'coreml' | 'dml' | undefined;
  readonly threads?: number | undefined;
  /**
   * The ranks that train this model together, all of which call this with the same options; `batch` is then what
   * each of them takes. Only rank 0 writes the run, and only its result is whole.
   */
  readonly communicator?: Communicator | undefined;
  /** Called beside our own (progress, say). */
  readonly callbacks?: readonly Callback[] | undefined;
  /** Told what a person should know: choices made, samples set aside. */
  readonly onNote?: ((message: string) => void) | undefined;
  /** Once aborted, the running step is finished, the run saved and ended. */
  readonly signal?: AbortSignal | undefined;
}

const NOT_SETTINGS: ReadonlySet<string> = new Set<Exclude<keyof TrainOptions, keyof TrainSettings>>([
  'data',
  'out',
  'resume',
  'device',
  'threads',
  'communicator',
  'callbacks',
  'onNote',
  'signal',
]);

/** Of some options those that make a run. */
export function settingsOf(options: TrainOptions): Record<string, unknown> {
  return Object.fromEntries(Object.entries(defined(options)).filter(([name]) => !NOT_SETTINGS.has(name)));
}

/** What is given of it. */
export function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
