/** A U-Net with a ResNet-18 or ResNet-34 encoder, and the same decoder as the one on MobileNetV2. */
import type { Settings } from '../settings/index.js';
import { checkSettings } from '../settings/index.js';
import type { FrozenEncoderOptions } from './encoder.js';
import { freezeAs, FROZEN_ENCODER_OPTIONS, pretrainedOnImageNet } from './encoder.js';
import type { UNetDecoderOptions } from './encoder-unet.js';
import { EncoderUNet, TRAIN_DECODER, UNET_DECODER_OPTIONS } from './encoder-unet.js';
import { defineModel } from './model-entry.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';
import type { ResNetDepth } from './encoders/resnet.js';
import { ResNetEncoder } from './encoders/resnet.js';

export interface ResNetUNetOptions extends SharedOptions, FrozenEncoderOptions, UNetDecoderOptions {}

export const RESNET_UNET_OPTIONS: Settings<Required<ResNetUNetOptions>> = {
  ...SHARED_OPTIONS,
  ...FROZEN_ENCODER_OPTIONS,
  ...UNET_DECODER_OPTIONS,
};

export class ResNetUNet extends EncoderUNet<ResNetEncoder> {
  constructor(depth: ResNetDepth, options: ResNetUNetOptions = {}) {
    const resolved = checkSettings('ResNetUNet', RESNET_UNET_OPTIONS, options);
    const { channels, classes } = resolved;
    super(new ResNetEncoder({ channels, depth }), classes, resolved);
    freezeAs(this.encoder, resolved);
  }
}

const onResNet = (depth: ResNetDepth) =>
  defineModel<ResNetUNetOptions>({
    title: `U-Net on ResNet-${depth}`,
    description: `a U-Net with a ResNet-${depth} encoder (He et al. 2016) pretrained on ImageNet`,
    options: RESNET_UNET_OPTIONS,
    create: (options) => new ResNetUNet(depth, options),
    pretrained: pretrainedOnImageNet(`resnet${depth}`),
    trainDefaults: TRAIN_DECODER,
  });

export const RESNET18_UNET = onResNet(18);
export const RESNET34_UNET = onResNet(34);
