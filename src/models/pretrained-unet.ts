/** A U-Net on any encoder of the registry. */
import type { Settings } from '../settings/index.js';
import { checkSettings } from '../settings/index.js';
import { FROZEN_ENCODER_OPTIONS, pretrainedOnImageNet } from './encoder.js';
import type { UNetDecoderOptions } from './encoder-unet.js';
import { EncoderUNet, TRAIN_DECODER, UNET_DECODER_OPTIONS } from './encoder-unet.js';
import type { AnyEncoderOptions } from './encoders/encoder-option.js';
import { DEFAULT_ENCODER, ENCODER_OPTION, encoderOf } from './encoders/encoder-option.js';
import { defineModel } from './model-entry.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';

export interface PretrainedUNetOptions extends SharedOptions, AnyEncoderOptions, UNetDecoderOptions {}

export const PRETRAINED_UNET_OPTIONS: Settings<Required<PretrainedUNetOptions>> = {
  ...SHARED_OPTIONS,
  encoder: ENCODER_OPTION,
  ...FROZEN_ENCODER_OPTIONS,
  ...UNET_DECODER_OPTIONS,
};

export class PretrainedUNet extends EncoderUNet {
  constructor(options: PretrainedUNetOptions = {}) {
    const resolved = checkSettings('PretrainedUNet', PRETRAINED_UNET_OPTIONS, options);
    const { channels, classes } = resolved;
    super(encoderOf(resolved, { channels }), classes, resolved);
  }
}

export const PRETRAINED_UNET = defineModel<PretrainedUNetOptions>({
  title: 'U-Net on an encoder',
  description: 'a U-Net whose encoder, such as ResNet-50, is pretrained on ImageNet',
  options: PRETRAINED_UNET_OPTIONS,
  create: (options) => new PretrainedUNet(options),
  pretrained: pretrainedOnImageNet(DEFAULT_ENCODER),
  trainDefaults: TRAIN_DECODER,
});
