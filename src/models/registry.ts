/**
 * All models by name. The command line, recipes and saved runs create their models here. Users add their own
 * models with {@link registerModel}, or pass a module to training directly.
 */
import { UsageError } from '../errors/index.js';
import { didYouMean } from '../settings/index.js';
import type { DeepLabV3PlusOptions } from './deeplabv3plus.js';
import { DEEPLABV3PLUS } from './deeplabv3plus.js';
import type { FpnOptions } from './fpn.js';
import { FPN } from './fpn.js';
import type { MobileNetUNetOptions } from './mobilenet-unet.js';
import { MOBILENET_UNET } from './mobilenet-unet.js';
import type { ModelEntry, SegmentationModel } from './model-entry.js';
import { defineModel, isModelEntry } from './model-entry.js';
import type { OnnxUNetSettings } from './onnx-encoder-unet.js';
import { ONNX_UNET } from './onnx-encoder-unet.js';
import type { SharedOptions } from './options.js';
import type { PixelClassifierOptions } from './pixel-classifier.js';
import { PIXEL_CLASSIFIER } from './pixel-classifier.js';
import type { PretrainedUNetOptions } from './pretrained-unet.js';
import { PRETRAINED_UNET } from './pretrained-unet.js';
import type { ResNetUNetOptions } from './resnet-unet.js';
import { RESNET18_UNET, RESNET34_UNET } from './resnet-unet.js';
import type { SegNetOptions } from './segnet.js';
import { SEGNET } from './segnet.js';
import type { UNetOptions } from './unet.js';
import { UNET } from './unet.js';

/** In the order of the help text. */
const MODELS = new Map<string, ModelEntry>(
  Object.entries({
    unet: UNET,
    'mobilenet-unet': MOBILENET_UNET,
    segnet: SEGNET,
    'resnet18-unet': RESNET18_UNET,
    'resnet34-unet': RESNET34_UNET,
    'encoder-unet': PRETRAINED_UNET,
    fpn: FPN,
    deeplabv3plus: DEEPLABV3PLUS,
    'onnx-unet': ONNX_UNET,
    'pixel-classifier': PIXEL_CLASSIFIER,
  }),
);

/** The default model of `train` without pretrained weights. */
export const DEFAULT_MODEL = 'unet';
/** The default model of `train` if its pretrained weights are on this machine or can be downloaded. */
export const PRETRAINED_MODEL = 'mobilenet-unet';

/** The default model of `train` if only the encoder is named. */
export const ENCODER_MODEL = 'encoder-unet';

/** The union of all models' options, without `channels` and `classes`. */
export type ModelOptions = Omit<
  UNetOptions &
    SegNetOptions &
    MobileNetUNetOptions &
    ResNetUNetOptions &
    PretrainedUNetOptions &
    FpnOptions &
    DeepLabV3PlusOptions &
    PixelClassifierOptions &
    OnnxUNetSettings,
  keyof SharedOptions
>;

/** Options of {@link createModel}: the numbers of channels and classes, and the model's own options. */
export interface CreateOptions {
  /** Input channels; default 3. */
  readonly channels?: number;
  /** Number of classes, background included; default 2. */
  readonly classes?: number;
  /** Whether classes overlap; default false. */
  readonly multiLabel?: boolean | undefined;
  readonly [option: string]: unknown;
}

/**
 * Makes a model available by name: in `train`, `createModel`, and on the command line.
 *
 * @throws UsageError if another model already has the name, or `entry` was not made by `defineModel`.
 */
export function registerModel(name: string, entry: ModelEntry): void {
  if (!/^[a-z0-9][a-z0-9.+_-]*$/i.test(name)) {
    throw new UsageError(`a model's name may contain only letters, digits and .+_-; got "${name}"`);
  }
  if (!isModelEntry(entry))
    throw new UsageError(`registerModel("${name}"): make the entry with defineModel()`);
  if ((MODELS.get(name) ?? entry) !== entry) throw new UsageError(`a model "${name}" already exists`);
  MODELS.set(name, entry);
}

/** Names of the models that are objects. */
const OBJECTS = new Set<string>();

/**
 * Makes one model object usable by the name of its class, in place of an earlier object of that name. `train` does
 * so with a model that it is given.
 *
 * @throws UsageError if a model of the registry has the name.
 */
export function registerModelObject(name: string, model: SegmentationModel): void {
  if (MODELS.has(name) && !OBJECTS.has(name)) {
    throw new UsageError(`there is a model "${name}" already: give the class of your model another name`);
  }
  OBJECTS.add(name);
  const description = 'a model of your own';
  MODELS.set(name, defineModel({ title: name, description, options: {}, create: () => model }));
}

/** The names of all models, the built-in ones first. */
export function modelNames(): string[] {
  return [...MODELS.keys()];
}

/** Whether a model has this name. */
export function hasModel(name: string): boolean {
  return MODELS.has(name);
}

/** @throws UsageError that lists all models if none has this name. */
export function modelEntry(name: string): ModelEntry {
  const found = MODELS.get(name);
  if (found) return found;
  throw new UsageError(
    `there is no model "${name}"; choose one of ${modelNames().join(', ')}.${didYouMean(name, modelNames())} For a model of your own, call registerModel("${name}", …) or pass --model FILE.js`,
  );
}

/** The names of all models' options, former names included, without `channels` and `classes`. */
export function modelOptionNames(): string[] {
  const names = [...MODELS.values()].flatMap(({ options, renamed }) => [
    ...Object.keys(options),
    ...Object.keys(renamed),
  ]);
  return [...new Set(names)];
}

/** Replaces former names of a model's options by the current ones. */
export function withCurrentNames<O extends Readonly<Record<string, unknown>>>(name: string, options: O): O {
  const renamed = MODELS.get(name)?.renamed ?? {};
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [renamed[key] ?? key, value])) as O;
}

/**
 * Creates a model by name. Its weights are not initialised: see `ModelState`.
 *
 * @param options `classes` counts the background; most models represent two classes by a single logit. `multiLabel`:
 *   whether classes overlap, so that each has a logit.
 * @param file the contents of the file, for a model that is created from one
 * @throws UsageError for an unknown name or option, or a value out of range.
 */
export function createModel(name: string, options: CreateOptions = {}, file?: Uint8Array): SegmentationModel {
  const { classes = 2, multiLabel = false, ...rest } = withCurrentNames(name, options);
  if (!Number.isInteger(classes) || classes < 1 || classes > 255) {
    throw new UsageError(`${name}: classes must be a whole number from 1 to 255; got ${classes}`);
  }
  const found = modelEntry(name);
  return found.create(
    name,
    { ...rest, classes: multiLabel ? classes : found.outputChannels(classes, rest) },
    file,
  );
}
