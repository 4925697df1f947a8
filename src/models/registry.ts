/**
 * All models by name. The command line, recipes and saved runs make their models here. A model of one's own can
 * join them ({@link registerModel}), or be passed to training as it is.
 */
import { UsageError } from '../errors/index.js';
import { didYouMean } from '../settings/index.js';
import type { DeepLabV3PlusOptions } from './deeplabv3plus.js';
import { DEEPLABV3PLUS } from './deeplabv3plus.js';
import type { MobileNetUNetOptions } from './mobilenet-unet.js';
import { MOBILENET_UNET } from './mobilenet-unet.js';
import type { ModelEntry, SegmentationModel } from './model-entry.js';
import { defineModel, isModelEntry } from './model-entry.js';
import type { OnnxUNetSettings } from './onnx-encoder-unet.js';
import { ONNX_UNET } from './onnx-encoder-unet.js';
import type { SharedOptions } from './options.js';
import type { ResNetUNetOptions } from './resnet-unet.js';
import { RESNET18_UNET, RESNET34_UNET } from './resnet-unet.js';
import type { SegNetOptions } from './segnet.js';
import { SEGNET } from './segnet.js';
import type { UNetOptions } from './unet.js';
import { UNET } from './unet.js';

/** In the order in which help lists them. */
const MODELS = new Map<string, ModelEntry>(
  Object.entries({
    unet: UNET,
    'mobilenet-unet': MOBILENET_UNET,
    segnet: SEGNET,
    'resnet18-unet': RESNET18_UNET,
    'resnet34-unet': RESNET34_UNET,
    deeplabv3plus: DEEPLABV3PLUS,
    'onnx-unet': ONNX_UNET,
  }),
);

/** The model that `train` takes if nothing suggests another. */
export const DEFAULT_MODEL = 'unet';
/** The model that `train` takes for photographs if its pretrained weights are at hand. */
export const PRETRAINED_MODEL = 'mobilenet-unet';

/** The options of all models together, besides `channels` and `classes`. */
export type ModelOptions = Omit<
  UNetOptions &
    SegNetOptions &
    MobileNetUNetOptions &
    ResNetUNetOptions &
    DeepLabV3PlusOptions &
    OnnxUNetSettings,
  keyof SharedOptions
>;

/** What {@link createModel} takes: the counts, and the model's own options by name. */
export interface CreateOptions {
  /** Input channels; default 3. */
  readonly channels?: number;
  /** Number of classes, background included; default 2. */
  readonly classes?: number;
  readonly [option: string]: unknown;
}

/**
 * Makes a model usable by name, wherever a name is taken.
 *
 * @throws UsageError if another model has the name, or `entry` was not made by `defineModel`.
 */
export function registerModel(name: string, entry: ModelEntry): void {
  if (!/^[a-z0-9][a-z0-9.+_-]*$/i.test(name)) {
    throw new UsageError(`a model's name has letters, digits and .+_- only, not "${name}"`);
  }
  if (!isModelEntry(entry)) throw new UsageError(`registerModel("${name}"): describe it by defineModel()`);
  if ((MODELS.get(name) ?? entry) !== entry) throw new UsageError(`there is a model "${name}" already`);
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

/** @throws UsageError naming the models there are. */
export function modelEntry(name: string): ModelEntry {
  const found = MODELS.get(name);
  if (found) return found;
  throw new UsageError(
    `there is no model "${name}"; choose one of ${modelNames().join(', ')}.${didYouMean(name, modelNames())} A model of your own: registerModel("${name}", …), or --model FILE.js`,
  );
}

/** The names of the options of all models, besides `channels` and `classes`; former names, too. */
export function modelOptionNames(): string[] {
  const names = [...MODELS.values()].flatMap(({ options, renamed }) => [
    ...Object.keys(options),
    ...Object.keys(renamed),
  ]);
  return [...new Set(names)];
}

/** Options of a model with today's names in place of former ones. */
export function withCurrentNames<O extends Readonly<Record<string, unknown>>>(name: string, options: O): O {
  const renamed = MODELS.get(name)?.renamed ?? {};
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [renamed[key] ?? key, value])) as O;
}

/**
 * Makes a model by name. Its weights are not set: see `ModelState`.
 *
 * @param options `classes` counts classes, background included; one logit serves two of them
 * @param file of a model that is made from one: the bytes
 * @throws UsageError for an unknown name or option, or a value out of range.
 */
export function createModel(name: string, options: CreateOptions = {}, file?: Uint8Array): SegmentationModel {
  const { classes = 2, ...rest } = withCurrentNames(name, options);
  if (!Number.isInteger(classes) || classes < 1 || classes > 255) {
    throw new UsageError(`${name}: classes must be a whole number from 1 to 255; got ${classes}`);
  }
  const found = modelEntry(name);
  return found.create(name, { ...rest, classes: found.outputChannels(classes, rest) }, file);
}
