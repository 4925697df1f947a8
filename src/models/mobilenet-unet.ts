/**
 * A U-Net with a MobileNetV2 encoder. With the encoder frozen and three classes, 1,565,763 weights are trained.
 */
import type { Settings } from '../settings/index.js';
import { checkSettings } from '../settings/index.js';
import type { FrozenEncoderOptions } from './encoder.js';
import { freezeAs, FROZEN_ENCODER_OPTIONS, pretrainedOnImageNet } from './encoder.js';
import type { UNetDecoderOptions } from './encoder-unet.js';
import { EncoderUNet, TRAIN_DECODER, UNET_DECODER_OPTIONS } from './encoder-unet.js';
import { MobileNetV2Encoder } from './encoders/mobilenet-v2.js';
import { defineModel } from './model-entry.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';

export interface MobileNetUNetOptions extends SharedOptions, FrozenEncoderOptions, UNetDecoderOptions {}

export const MOBILENET_UNET_OPTIONS: Settings<Required<MobileNetUNetOptions>> = {
  ...SHARED_OPTIONS,
  ...FROZEN_ENCODER_OPTIONS,
  ...UNET_DECODER_OPTIONS,
};

export class MobileNetUNet extends EncoderUNet<MobileNetV2Encoder> {
  constructor(options: MobileNetUNetOptions = {}) {
    const resolved = checkSettings('MobileNetUNet', MOBILENET_UNET_OPTIONS, options);
    const { channels, classes } = resolved;
    super(new MobileNetV2Encoder({ channels }), classes, resolved);
    freezeAs(this.encoder, resolved);
  }
}

export const MOBILENET_UNET = defineModel<MobileNetUNetOptions>({
  title: 'U-Net on MobileNetV2',
  description: 'a U-Net with a MobileNetV2 encoder (Sandler et al. 2018) pretrained on ImageNet',
  options: MOBILENET_UNET_OPTIONS,
  create: (options) => new MobileNetUNet(options),
  pretrained: pretrainedOnImageNet('mobilenet_v2'),
  trainDefaults: TRAIN_DECODER,
  bench: { batch: 32, size: 224, classes: 3 },
  benched: true,
});
