/**
 * All models by name. The command line, recipes and saved runs make their models here; a model of one's
 * own needs no entry, it is handed to training as it is.
 */
import { UsageError } from '../errors/index.js';
import type { Layer } from '../nn/index.js';
import type { Setting, Settings } from '../settings/index.js';
import { checkSettings } from '../settings/index.js';
import type { DeepLabV3PlusOptions } from './deeplabv3plus.js';
import { DeepLabV3Plus, DEEPLABV3PLUS_OPTIONS } from './deeplabv3plus.js';
import type { MobileNetUNetOptions } from './mobilenet-unet.js';
import { MobileNetUNet, MOBILENET_UNET_OPTIONS } from './mobilenet-unet.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';
import type { ResNetUNetOptions } from './resnet-unet.js';
import { RESNET_UNET_OPTIONS, ResNetUNet } from './resnet-unet.js';
import type { SegNetOptions } from './segnet.js';
import { SegNet, SEGNET_OPTIONS } from './segnet.js';
import type { UNetOptions } from './unet.js';
import { UNet, UNET_OPTIONS } from './unet.js';

/** N×C×H×W in, logits of N×K×H×W out. */
export type SegmentationModel = Layer & {
  /** Input sizes are padded to multiples of this and the output cropped back. */
  readonly divisor: number;
};

/** A model whose encoder can start from published weights. */
export interface PretrainedEncoder {
  /** The architecture whose weight files fit `model.encoder`, in torchvision's naming. */
  readonly architecture: string;
  /** The field of the model that takes the weights. */
  readonly field: 'encoder';
  /** The normalisation of images that the weights expect: ImageNet's mean and deviation by channel. */
  readonly normalization: 'imagenet';
}

export interface ModelEntry {
  readonly name: string;
  /** One line: what it is and where it comes from. */
  readonly description: string;
  /** Its options besides `channels` and `classes`, with ranges and defaults. */
  readonly options: Readonly<Record<string, Setting<unknown>>>;
  /** Whether it can be written as an ONNX file of standard operators. */
  readonly exportable: boolean;
  readonly pretrained?: PretrainedEncoder;
  /** Output channels for a number of classes. */
  outputChannels(classes: number, options: Readonly<Record<string, unknown>>): number;
  /** Makes the model. Throws a {@link UsageError} for options that it does not take. */
  create(options: Readonly<Record<string, unknown>>): SegmentationModel;
}

/** What {@link createModel} takes: the counts, and the model's own options by name. */
export interface CreateOptions {
  /** Input channels; default 3. */
  readonly channels?: number;
  /** Number of classes, background included; default 2. */
  readonly classes?: number;
  readonly [option: string]: unknown;
}

interface EntryOf<O extends SharedOptions> {
  readonly description: string;
  readonly options: Settings<Required<O>>;
  readonly make: (options: O) => SegmentationModel;
  readonly pretrained?: PretrainedEncoder;
  readonly outputChannels?: (classes: number, options: O) => number;
}

/** Two classes are told apart by one logit. */
const oneLogitForTwo = (classes: number) => (classes <= 2 ? 1 : classes);

const pretrainedOnImageNet = (architecture: string): PretrainedEncoder => ({
  architecture,
  field: 'encoder',
  normalization: 'imagenet',
});

function entry<O extends SharedOptions>(name: string, of: EntryOf<O>): ModelEntry {
  const { description, options: table, make, pretrained, outputChannels = oneLogitForTwo } = of;
  const own = Object.entries(table as Record<string, Setting<unknown>>).filter(
    ([option]) => !Object.hasOwn(SHARED_OPTIONS, option),
  );
  return {
    name,
    description,
    options: Object.fromEntries(own),
    exportable: true,
    ...(pretrained && { pretrained }),
    outputChannels: (classes, given) => outputChannels(classes, given as unknown as O),
    create(given) {
      checkSettings<SharedOptions>(name, table as Settings<Required<SharedOptions>>, given);
      return make(given as unknown as O);
    },
  };
}

const ENTRIES: readonly ModelEntry[] = [
  entry<UNetOptions>('unet', {
    description: 'the classic U-Net (Ronneberger et al. 2015), trained from scratch',
    options: UNET_OPTIONS,
    make: (options) => new UNet(options),
  }),
  entry<MobileNetUNetOptions>('mobilenet-unet', {
    description: 'a U-Net on a MobileNetV2 (Sandler et al. 2018) pretrained on ImageNet',
    options: MOBILENET_UNET_OPTIONS,
    make: (options) => new MobileNetUNet(options),
    pretrained: pretrainedOnImageNet('mobilenet_v2'),
  }),
  entry<SegNetOptions>('segnet', {
    description: 'SegNet (Badrinarayanan et al. 2017): pooling indices instead of skips',
    options: SEGNET_OPTIONS,
    make: (options) => new SegNet(options),
    // Scores that are never negative need a channel for each of two classes.
    outputChannels: (classes, { head }) =>
      head === 'norm-relu' ? Math.max(classes, 2) : oneLogitForTwo(classes),
  }),
  entry<ResNetUNetOptions>('resnet18-unet', {
    description: 'a U-Net on a ResNet-18 (He et al. 2016) pretrained on ImageNet',
    options: RESNET_UNET_OPTIONS,
    make: (options) => new ResNetUNet(18, options),
    pretrained: pretrainedOnImageNet('resnet18'),
  }),
  entry<ResNetUNetOptions>('resnet34-unet', {
    description: 'a U-Net on a ResNet-34 (He et al. 2016) pretrained on ImageNet',
    options: RESNET_UNET_OPTIONS,
    make: (options) => new ResNetUNet(34, options),
    pretrained: pretrainedOnImageNet('resnet34'),
  }),
  entry<DeepLabV3PlusOptions>('deeplabv3plus', {
    description: 'DeepLabV3+ (Chen et al. 2018) on a MobileNetV2 pretrained on ImageNet',
    options: DEEPLABV3PLUS_OPTIONS,
    make: (options) => new DeepLabV3Plus(options),
    pretrained: pretrainedOnImageNet('mobilenet_v2'),
  }),
];

/** The options of all models together, besides `channels` and `classes`. */
export type ModelOptions = Omit<
  UNetOptions & SegNetOptions & MobileNetUNetOptions & ResNetUNetOptions & DeepLabV3PlusOptions,
  keyof SharedOptions
>;

/** The models' names, in the order in which help lists them. */
export const MODEL_NAMES: readonly string[] = ENTRIES.map(({ name }) => name);

/** @throws UsageError naming the models there are. */
export function modelEntry(name: string): ModelEntry {
  const found = ENTRIES.find((e) => e.name === name);
  if (!found) throw new UsageError(`there is no model "${name}"; choose one of ${MODEL_NAMES.join(', ')}`);
  return found;
}

/**
 * Makes a model by name. Its weights are not set: see `ModelState`.
 *
 * @param options `classes` counts classes, background included; one logit serves two of them
 * @throws UsageError for an unknown name or option, or a value out of range.
 */
export function createModel(name: string, options: CreateOptions = {}): SegmentationModel {
  const { classes = 2, ...rest } = options;
  if (!Number.isInteger(classes) || classes < 1 || classes > 255) {
    throw new UsageError(`${name}: classes must be a whole number from 1 to 255, not ${classes}`);
  }
  const found = modelEntry(name);
  return found.create({ ...rest, classes: found.outputChannels(classes, rest) });
}
